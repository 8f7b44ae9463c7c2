import "@fontsource-variable/inter/wght.css";
import "@fontsource/jetbrains-mono/latin-400.css";
import "@mantine/core/styles.layer.css";
import "@mantine/notifications/styles.layer.css";
import "@mantine/spotlight/styles.layer.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/table.css";
import "./styles/parts.css";
import "./styles/patch.css";
import { MantineProvider, localStorageColorSchemeManager } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router";
import { Problem } from "./api/problem";
import { router } from "./router";
import { theme } from "./theme";

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 30_000, // live messages make data old sooner
      retry: (times, error) => times < 2 && error instanceof Problem && (error.status === 0 || error.status >= 502),
    },
  },
  queryCache: new QueryCache({
    onError: (error, query) => {
      // A session that ended while the console was open: everything asks who we are again, and the router shows the sign-in page.
      if (error instanceof Problem && error.status === 401 && query.queryKey[0] !== "session") {
        client.setQueryData(["session"], null);
      }
    },
  }),
});

const scheme = localStorageColorSchemeManager({ key: "staunch-color-scheme" });

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={scheme} withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
        <Notifications position="bottom-right" limit={3} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
