/** who is an actor as people call it: "user:admin" is admin, "host:host_01…" is the host. */
export function who(actor: string): string {
  if (actor.startsWith("host:")) return "the host";
  return actor.replace(/^user:/, "");
}
