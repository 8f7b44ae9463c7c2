/** Which questions a live message makes old: the first parts of query keys. Pure; live.tsx carries it out. */

const hostViews = ["hosts", "host", "host-updates", "host-packages", "host-findings", "host-history"];
const fleetViews = ["overview", "vulnerabilities", "vulnerability", "updates"];

const byKind: Record<string, string[]> = {
  host: [...hostViews, ...fleetViews],
  presence: ["hosts", "host", "overview"],
  feed: ["feeds", "overview"],
  advisory: ["hosts", "host", "host-findings", ...fleetViews],
  token: ["enroll-tokens", "tokens"],
  event: ["events", "host-history"],
  plan: ["plans", "plan"],
  rollout: ["rollouts", "rollout", "run", "plan"],
};

export interface Message {
  kind: string;
  ref?: string;
}

/** everything is what a resync, or a kind that this console does not know yet, makes old. */
export const everything = "everything";

/** Views of one thing, which a message about another of its kind leaves alone. A run's view does not know its rollout's id. */
const ofOne: Record<string, (noun: string) => boolean> = {
  host: (noun) => noun === "host" || noun.startsWith("host-"),
  presence: (noun) => noun === "host",
  plan: (noun) => noun === "plan",
  rollout: (noun) => noun === "rollout",
};

/** touched gives the nouns that messages make old; those of one thing come as "host:ID". */
export function touched(messages: Message[]): Set<string> {
  const nouns = new Set<string>();
  for (const { kind, ref } of messages) {
    for (const noun of byKind[kind] ?? [everything]) {
      nouns.add(ref && ofOne[kind]?.(noun) ? `${noun}:${ref}` : noun);
    }
  }
  return nouns;
}

/** parseMessage reads what the stream carried; nothing for what is not a message. */
export function parseMessage(data: string): Message | undefined {
  try {
    const value: unknown = JSON.parse(data);
    if (typeof value !== "object" || value === null) return undefined;
    const { kind, ref } = value as Record<string, unknown>;
    if (typeof kind !== "string") return undefined;
    return typeof ref === "string" ? { kind, ref } : { kind };
  } catch {
    return undefined;
  }
}
