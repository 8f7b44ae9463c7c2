import { expect, test } from "vitest";
import { advisoryPage } from "./links";

test.each(["CVE-2024-3094", "DSA-5649-1", "DEBIAN-CVE-2024-3094", "USN-6000-1", "GHSA-abcd-1234-ef56"])("%s has a page", (id) => {
  expect(advisoryPage(id)).toMatch(/^https:\/\/[a-z.-]+\/[\w/?=-]+$/);
});

test.each(["javascript:alert(1)", "CVE-2024-3094?x=<img>", "CVE-2024-3094\n", "https://a.example", ""])("%j has none", (id) => {
  expect(advisoryPage(id)).toBeUndefined();
});
