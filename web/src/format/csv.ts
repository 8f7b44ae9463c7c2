/** CSV that a spreadsheet shows as it is: what hosts and feeds send can start with a sign that would make it a formula. */

/** harmless puts an apostrophe before a cell that a spreadsheet would compute, and blanks for control characters. */
export function harmless(cell: string): string {
  // eslint-disable-next-line no-control-regex -- taking them out is the point
  const plain = cell.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, " ");
  return /^\s*[=+\-@＝＋－＠]/.test(plain) ? `'${plain}` : plain;
}

/** csv writes rows as RFC 4180 says: every cell quoted, lines ended by CR LF. */
export function csv(rows: string[][]): string {
  return rows.map((row) => `${row.map((cell) => `"${harmless(cell).replaceAll('"', '""')}"`).join(",")}\r\n`).join("");
}

/** download hands a text to the browser as a file. */
export function download(name: string, type: string, text: string): void {
  save(name, new Blob([text], { type }));
}

/** save hands bytes to the browser as a file. */
export function save(name: string, data: Blob): void {
  const url = URL.createObjectURL(data);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
