import { State } from "./State";
import type { Tone } from "./State";

const tones: Record<string, Tone> = { installable: "ok", phased: "waiting", held: "locked", "kept-back": "warn" };
const words: Record<string, string> = { "kept-back": "kept back" };

/** UpdateState is what the package manager would do about an update. */
export function UpdateState({ name }: { name: string }) {
  return <State tone={tones[name] ?? "unknown"}>{words[name] ?? name}</State>;
}
