import createClient from "openapi-fetch";
import type { paths } from "./schema";
import { problemOf } from "./problem";

/**
 * The one HTTP client. It speaks to where the console came from, with the session's cookie; a request is a promise of the answer's
 * body that rejects with a Problem, so that queries and forms need no second error path.
 */
export const api = createClient<paths>({ baseUrl: "", credentials: "same-origin" });

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** must unwraps an answer: its body, or a thrown Problem. */
export async function must<T>(request: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const answer = await request.catch((cause: unknown) => {
    if (cause instanceof DOMException && cause.name === "AbortError") throw cause;
    throw problemOf(0, undefined);
  });
  if (!answer.response.ok) throw problemOf(answer.response.status, answer.error);
  return (answer.data ?? {}) as NonNullable<T>;
}
