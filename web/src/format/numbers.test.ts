import { expect, test } from "vitest";
import { bytes, count, counted, shortSystem } from "./numbers";

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1.0 KiB"],
  [10 * 1024, "10 KiB"],
  [1.5 * 1024 ** 4, "1.5 TiB"],
  [-1, "unknown"],
  [NaN, "unknown"],
])("%d bytes", (n, want) => expect(bytes(n)).toBe(want));

test("nouns agree with their number", () => {
  expect(counted(1, "host")).toBe("1 host");
  expect(counted(0, "host")).toBe("0 hosts");
  expect(counted(2156, "vulnerability", "vulnerabilities")).toBe("2,156 vulnerabilities");
});

test("thousands are grouped", () => expect(count(50000)).toBe("50,000"));

test("names of systems are short in columns", () => {
  expect(shortSystem("Debian GNU/Linux 12 (bookworm)")).toBe("Debian 12");
  expect(shortSystem("Ubuntu 24.04.1 LTS")).toBe("Ubuntu 24.04.1 LTS");
});
