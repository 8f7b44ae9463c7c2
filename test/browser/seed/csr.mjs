import { generateKeyPairSync, sign } from "node:crypto";

// The little of DER that a certificate request needs.
const tlv = (tag, ...content) => {
  const body = Buffer.concat(content);
  const length = body.length < 128 ? [body.length] : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...content) => tlv(0x30, ...content);
const ecdsaWithSHA256 = sequence(Buffer.from("06082a8648ce3d040302", "hex"));

/** request makes a P-256 key and a certificate request for it, both PEM. The subject is empty: the server gives hosts their names. */
export function request() {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const info = sequence(Buffer.from([2, 1, 0]), sequence(), publicKey.export({ type: "spki", format: "der" }), tlv(0xa0));
  const signature = tlv(0x03, Buffer.from([0]), sign("sha256", info, privateKey));
  const der = sequence(info, ecdsaWithSHA256, signature);
  const lines = der.toString("base64").match(/.{1,64}/g).join("\n");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }),
    csr: `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}
