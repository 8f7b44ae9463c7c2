import { crc32, deflateSync, inflateSync } from "node:zlib";

// Pictures of a console have few colours: with a palette of them a PNG is a third of the size, and a repository holds many.
const most = 256;
const near = [0, 3, 6, 9, 12, 16, 24, 32, 48]; // how far apart two colours must be to both be kept; the first that fits is used

/** shrink gives a PNG of at most 256 colours for one of 8 bits a channel, as browsers take them. Colours move by a few steps at most. */
export function shrink(png) {
  const { width, height, channels, pixels } = decode(png);
  const colour = (at) => (pixels[at] << 16) | (pixels[at + 1] << 8) | pixels[at + 2];
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += channels) counts.set(colour(at), (counts.get(colour(at)) ?? 0) + 1);
  const kept = choose([...counts].toSorted(([a, n], [b, m]) => m - n || a - b).map(([c]) => c));
  const index = new Map([...counts.keys()].map((c) => [c, nearest(kept, c)]));

  const rows = Buffer.alloc(height * (width + 1)); // each row begins with filter 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = index.get(colour((y * width + x) * channels));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // 8 bits, palette
  return Buffer.concat([
    png.subarray(0, 8),
    chunk("IHDR", header),
    chunk("PLTE", Buffer.from(kept.flatMap((c) => [c >> 16, (c >> 8) & 255, c & 255]))),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function choose(byCount) {
  for (const apart of near) {
    const kept = [];
    for (const c of byCount) {
      if (kept.every((k) => distance(k, c) > apart)) kept.push(c);
      if (kept.length > most) break;
    }
    if (kept.length <= most) return kept;
  }
  return byCount.slice(0, most);
}

function distance(a, b) {
  return Math.max(Math.abs((a >> 16) - (b >> 16)), Math.abs(((a >> 8) & 255) - ((b >> 8) & 255)), Math.abs((a & 255) - (b & 255)));
}

function nearest(kept, c) {
  let best = 0;
  for (let i = 1; i < kept.length; i++) if (distance(kept[i], c) < distance(kept[best], c)) best = i;
  return best;
}

function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  frame.set(body, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return frame;
}

function decode(png) {
  const parts = [];
  let header;
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString("latin1", at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (name === "IHDR") header = data;
    if (name === "IDAT") parts.push(data);
    at += length + 12;
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = { 2: 3, 6: 4 }[header[9]];
  if (header[8] !== 8 || !channels || header[12] !== 0) throw new Error("not a PNG as a browser takes it");
  return { width, height, channels, pixels: unfilter(inflateSync(Buffer.concat(parts)), width * channels, height, channels) };
}

/** unfilter undoes the five filters of the PNG specification, section 9. */
function unfilter(raw, stride, height, step) {
  const out = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const here = y * stride + x;
      const left = x >= step ? out[here - step] : 0;
      const up = y > 0 ? out[here - stride] : 0;
      const corner = x >= step && y > 0 ? out[here - stride - step] : 0;
      out[here] = raw[y * (stride + 1) + 1 + x] + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter, left, up, corner) {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) return 0;
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
