import { problemOf } from "./problem";
import { must } from "./client";
import type { BundleImport, FeedStatus } from "./types";

/** Files go to the server as they are, straight from the disk: a bundle may be larger than what a page can hold. */

const bundleType = "application/vnd.staunch.bundle";

export interface BundleOptions {
  /** A public key, as a line of authorized_keys, that is trusted for this import. */
  trust: string;
  force: boolean;
}

export function importBundle(file: File, { trust, force }: BundleOptions): Promise<BundleImport> {
  const query = new URLSearchParams({ ...(trust ? { trust } : {}), ...(force ? { force: "true" } : {}) });
  return send<BundleImport>(`/api/v1/feeds/bundle?${query}`, bundleType, file);
}

export function importFeed(file: File, name: string): Promise<FeedStatus> {
  return send<FeedStatus>(`/api/v1/feeds/import?${new URLSearchParams({ name })}`, "application/octet-stream", file);
}

function send<T>(where: string, type: string, file: File): Promise<NonNullable<T>> {
  return must<T>(
    (async () => {
      const response = await fetch(where, { method: "POST", credentials: "same-origin", headers: { "Content-Type": type }, body: file });
      const body: unknown = await response.json().catch(() => undefined);
      return response.ok ? { data: body as T, response } : { error: body, response };
    })(),
  );
}

export interface Bundle {
  data: Blob;
  /** The public key that another server must trust, as one line of authorized_keys. */
  signer: string;
}

/** exportBundle fetches what is known of releases; of none: everything. The browser keeps what is large on disk. */
export async function exportBundle(releases: string[]): Promise<Bundle> {
  const response = await fetch(`/api/v1/feeds/bundle?${new URLSearchParams(releases.map((release) => ["release", release]))}`, { credentials: "same-origin" }).catch(() => {
    throw problemOf(0, undefined);
  });
  if (!response.ok) throw problemOf(response.status, await response.json().catch(() => undefined));
  return { data: await response.blob(), signer: response.headers.get("Staunch-Signer") ?? "" };
}
