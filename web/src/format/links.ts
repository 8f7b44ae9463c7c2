/** Links to the outside, built only from ids of a known shape: nothing a host or a feed says becomes an address. */

const pages: [RegExp, (id: string) => string][] = [
  [/^CVE-\d{4}-\d{4,10}$/, (id) => `https://www.cve.org/CVERecord?id=${id}`],
  [/^(DSA|DLA)-\d{1,5}(-\d{1,3})?$/, (id) => `https://security-tracker.debian.org/tracker/${id}`],
  [/^DEBIAN-CVE-\d{4}-\d{4,10}$/, (id) => `https://security-tracker.debian.org/tracker/${id.slice(7)}`],
  [/^USN-\d{1,5}-\d{1,3}$/, (id) => `https://ubuntu.com/security/notices/${id}`],
  [/^UBUNTU-CVE-\d{4}-\d{4,10}$/, (id) => `https://ubuntu.com/security/${id.slice(7)}`],
  [/^GHSA(-[0-9a-z]{4}){3}$/, (id) => `https://github.com/advisories/${id}`],
];

/** advisoryPage is the public page of a CVE or an advisory, or undefined when the id has no known shape. */
export function advisoryPage(id: string): string | undefined {
  for (const [shape, page] of pages) {
    if (shape.test(id)) return page(id);
  }
  return undefined;
}
