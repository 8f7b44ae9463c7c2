import { expect, test } from "vitest";
import { csv, harmless } from "./csv";

test.each([
  ["=cmd|'/C calc'!A0", "'=cmd|'/C calc'!A0"],
  ["+1", "'+1"],
  ["-2+3", "'-2+3"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", "' =1"],
  ["＝1", "'＝1"],
  ["1:9.2p1-2", "1:9.2p1-2"],
  ["a\u202eb\r\n", "a b  "],
  ["", ""],
])("%j is harmless as %j", (cell, want) => expect(harmless(cell)).toBe(want));

test("cells are quoted, quotes doubled", () => expect(csv([["a,b", 'say "x"'], ["1", ""]])).toBe('"a,b","say ""x"""\r\n"1",""\r\n'));
