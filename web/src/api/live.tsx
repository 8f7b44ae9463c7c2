import { useQueryClient } from "@tanstack/react-query";
import type { QueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useState } from "react";
import type { ReactNode } from "react";
import { pastOf } from "../url/past";
import { everything, parseMessage, touched } from "./touched";
import type { Message } from "./touched";

export type LiveState = "connecting" | "live" | "disconnected";

const LiveContext = createContext<LiveState>("connecting");

export function useLive(): LiveState {
  return useContext(LiveContext);
}

// Messages are gathered, so that a fleet that checks in at once is one question: the first waits this long …
const gather = 250;
// … and after an answer the next waits at least this long.
const rest = 2000;
// EventSource comes back by itself after a lost connection, but not after a refusal; then we try again.
const retry = 5000;

/** LiveUpdates keeps what is shown in step with the server. After a gap everything is asked again, since messages were missed. */
export function LiveUpdates({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>("connecting");

  useEffect(() => {
    let source: EventSource | undefined;
    let again: number | undefined;
    let missed = false;
    const batch = batcher((messages) => invalidate(client, messages));

    const connect = () => {
      source = new EventSource("/api/v1/live");
      source.onopen = () => {
        setState("live");
        if (missed) batch.add({ kind: "resync" });
        missed = false;
      };
      source.onerror = () => {
        missed = true;
        setState("disconnected");
        if (source?.readyState === EventSource.CLOSED) {
          void client.invalidateQueries({ queryKey: ["session"] });
          again = window.setTimeout(connect, retry);
        }
      };
      source.onmessage = (event: MessageEvent<string>) => {
        const message = parseMessage(event.data);
        if (message) batch.add(message);
      };
    };
    connect();

    return () => {
      source?.close();
      window.clearTimeout(again);
      batch.stop();
    };
  }, [client]);

  return <LiveContext value={state}>{children}</LiveContext>;
}

function batcher(flush: (messages: Message[]) => void) {
  let waiting: Message[] = [];
  let timer: number | undefined;
  let last = -Infinity;
  return {
    add(message: Message) {
      waiting.push(message);
      timer ??= window.setTimeout(
        () => {
          timer = undefined;
          last = performance.now();
          const messages = waiting;
          waiting = [];
          flush(messages);
        },
        Math.max(gather, last + rest - performance.now()),
      );
    },
    stop: () => window.clearTimeout(timer),
  };
}

function invalidate(client: QueryClient, messages: Message[]) {
  const nouns = touched(messages);
  void client.invalidateQueries({
    predicate: ({ queryKey }) => {
      if (pastOf(queryKey)) return false; // what happens now does not change what was
      const [noun, first] = queryKey;
      return nouns.has(everything) || nouns.has(String(noun)) || (typeof first === "string" && nouns.has(`${String(noun)}:${first}`));
    },
  });
}
