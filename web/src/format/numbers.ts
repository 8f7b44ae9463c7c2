/** Numbers and sizes for columns that are read downwards. */

const grouped = new Intl.NumberFormat("en-GB");

export function count(n: number): string {
  return grouped.format(n);
}

/** counted joins a number with its noun: "1 host", "2,156 hosts". */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** bytes with three significant digits at most: "233 MiB", "1.5 TiB". */
export function bytes(n: number): string {
  if (!Number.isFinite(n) || n < 0) return "unknown";
  let value = n;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** shortSystem drops what a narrow column has no room for: "Debian GNU/Linux 12 (bookworm)" is "Debian 12". */
export function shortSystem(name: string): string {
  return name.replace(" GNU/Linux", "").replace(/ \([^()]*\)$/, "");
}
