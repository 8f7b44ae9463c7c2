import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// The console needs nothing but itself: no inline script, no inline style, no other host. The server sends a policy of its own;
// this one holds wherever the files are served from. Not in development, where vite injects its client inline.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:", // data: for the glyphs inside Mantine's own style sheet
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
].join("; ");

function contentSecurityPolicy(): Plugin {
  return {
    name: "staunch-content-security-policy",
    apply: "build",
    transformIndexHtml: () => [
      {
        tag: "meta",
        attrs: { "http-equiv": "Content-Security-Policy", content: policy },
        injectTo: "head-prepend",
      },
    ],
  };
}

// STAUNCH_URL is the running server that `npm run dev` passes the API to. Its certificate comes from its own CA, which node
// trusts by NODE_EXTRA_CA_CERTS=DIR/ca.pem.
const server = process.env["STAUNCH_URL"] ?? "https://127.0.0.1:8440";

export default defineConfig({
  plugins: [react(), contentSecurityPolicy()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    chunkSizeWarningLimit: 600,
  },
  server: {
    proxy: { "/api": { target: server, changeOrigin: true } },
  },
  test: { environment: "node", include: ["src/**/*.test.ts"] },
});
