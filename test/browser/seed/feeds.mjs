import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { zip } from "./zip.mjs";

// What is wrong with the fixture's packages. The ids are ours: no such vulnerabilities exist.
// source, fixed version ("" when there is none), severity, summary; one line is one vulnerability.
const high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const medium = "CVSS:3.1/AV:N/AC:H/PR:L/UI:N/S:U/C:L/I:L/A:N";
const low = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:L";

const known = [
  ["openssl", "3.0.17-1~deb12u3", high, "Heap overflow in the parser of session tickets lets a client run code"],
  ["openssl", "3.0.17-1~deb12u2", medium, "Timing differences in ECDSA signing leak bits of the nonce"],
  ["openssl", "3.0.16-1~deb12u1", low, "A malformed PKCS#12 file makes the tools crash"],
  ["linux", "6.1.140-1", high, "Use after free in the packet classifier when filters are replaced under load"],
  ["linux", "6.1.140-1", medium, "Integer overflow in the file system's handling of extended attributes"],
  ["linux", "6.1.137-1", medium, "Missing length check in a network card's driver"],
  ["linux", "", low, "Kernel addresses can be read from a debugging interface"],
  ["curl", "7.88.1-10+deb12u14", high, "Credentials are sent to the wrong host after a redirect"],
  ["curl", "7.88.1-10+deb12u12", medium, "Cookies of a parent domain are accepted from a public suffix"],
  ["glibc", "2.36-9+deb12u13", high, "Out of bounds write when a locale's charset is converted"],
  ["glibc", "2.36-9+deb12u10", medium, "Name lookups can be made to loop"],
  ["openssh", "1:9.2p1-2+deb12u7", high, "A race in the login timeout lets an unauthenticated client run code"],
  ["openssh", "1:9.2p1-2+deb12u6", low, "User names can be guessed from response times"],
  ["sudo", "1.9.13p3-1+deb12u2", high, "The chroot option loads configuration from the new root"],
  ["systemd", "252.39-1~deb12u1", medium, "Core dumps of privileged programs can be read by other users"],
  ["perl", "5.36.0-7+deb12u3", medium, "Regular expressions with nested quantifiers write out of bounds"],
  ["zlib", "", medium, "A crafted archive makes decompression read out of bounds"],
  ["libxml2", "2.9.14+dfsg-1.3~deb12u4", medium, "Deeply nested entities exhaust memory"],
  ["gnutls28", "3.7.9-2+deb12u5", high, "A certificate with many names is copied past its buffer"],
  ["nginx", "", medium, "A crafted media file makes a worker read out of bounds"],
  ["postgresql-15", "15.14-0+deb12u1", high, "Statistics reveal rows that row security hides"],
  ["vim", "2:9.0.1378-2+deb12u2", low, "Opening a crafted archive overwrites files"],
];

export const vulnerabilities = known.map(([source, fixed, severity, summary], at) => ({
  id: `CVE-2026-${90001 + at * 7}`,
  source,
  fixed,
  severity,
  summary,
}));

/** exploited are the ids that our catalogue of exploited vulnerabilities names. */
export const exploited = vulnerabilities.filter(({ source, severity }) => severity === high && ["openssh", "curl"].includes(source)).map(({ id }) => id);

// Dates of releases, as endoflife.date writes them.
const release = (name, released, until, lts) => ({ name, releaseDate: released, isEol: until < "2026-11-21", eolFrom: until, isEoes: lts < "2026-11-21", eoesFrom: lts, isMaintained: true });
const products = [
  { name: "debian", releases: [release("13", "2025-08-09", "2028-08-09", "2030-06-30"), release("12", "2023-06-10", "2028-06-30", "2033-06-30"), release("10", "2019-07-06", "2022-09-10", "2024-06-30")] },
  { name: "ubuntu", releases: [release("24.04", "2024-04-25", "2029-05-31", "2036-05-31")] },
];

/** writeFeeds writes a mirror: one OSV archive, which has one damaged record, a KEV catalogue, EPSS scores and dates of releases. */
export async function writeFeeds(folder) {
  const files = {};
  for (const v of vulnerabilities) {
    const events = [{ introduced: "0" }, ...(v.fixed ? [{ fixed: v.fixed }] : [])];
    files[`DEBIAN-${v.id}.json`] = JSON.stringify({
      schema_version: "1.7.0",
      id: `DEBIAN-${v.id}`,
      published: "2026-10-02T08:00:00Z",
      modified: "2026-11-18T16:30:00Z",
      upstream: [v.id],
      summary: v.summary,
      details: `${v.summary}. Written for the tests of Staunch; no such vulnerability exists.`,
      severity: [{ type: "CVSS_V3", score: v.severity }],
      affected: [{ package: { ecosystem: "Debian:12", name: v.source }, ranges: [{ type: "ECOSYSTEM", events }] }],
    });
  }
  files["DEBIAN-damaged.json"] = '{"id": "DEBIAN-damaged", "affected": [';
  await mkdir(path.join(folder, "osv", "Debian"), { recursive: true });
  for (const name of ["kev", "epss", "eol"]) await mkdir(path.join(folder, name), { recursive: true });
  const scores = vulnerabilities.map(({ id }, at) => `${id},${exploited.includes(id) ? "0.412" : `0.00${1 + (at % 8)}`},0.5`);
  const csv = ["#model_version:v2026.03.14,score_date:2026-11-20T12:00:00+0000", "cve,epss,percentile", ...scores, ""].join("\n");
  await writeFile(path.join(folder, "epss", "epss_scores-current.csv.gz"), gzipSync(csv));
  const answer = { schema_version: "1.2.0", generated_at: "2026-11-20T00:10:00+00:00", total: products.length, result: products };
  await writeFile(path.join(folder, "eol", "endoflife.json"), JSON.stringify(answer));
  await writeFile(path.join(folder, "osv", "Debian", "all.zip"), zip(files));
  const catalogue = {
    title: "Fixture",
    catalogVersion: "2026.11.20",
    dateReleased: "2026-11-20T15:00:00.0000Z",
    count: exploited.length,
    vulnerabilities: exploited.map((cveID, at) => ({
      cveID,
      vendorProject: "Fixture",
      product: "Fixture",
      vulnerabilityName: "Written for the tests of Staunch",
      dateAdded: "2026-10-12",
      shortDescription: "None",
      requiredAction: "Apply updates",
      dueDate: "2026-11-02",
      knownRansomwareCampaignUse: at === 0 ? "Known" : "Unknown",
    })),
  };
  await writeFile(path.join(folder, "kev", "known_exploited_vulnerabilities.json"), JSON.stringify(catalogue));
}
