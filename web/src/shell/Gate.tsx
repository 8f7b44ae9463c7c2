import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { LiveUpdates } from "../api/live";
import { sessionQuery } from "../api/queries";
import { Failure } from "../parts/Notes";
import { Shell } from "./Shell";

const SignIn = lazy(async () => ({ default: (await import("../pages/SignIn")).SignIn }));
const FirstPassword = lazy(async () => ({ default: (await import("../pages/FirstPassword")).FirstPassword }));

/** Gate lets in who is signed in and has a password of their own. The address stays, so that signing in ends where a link led. */
export function Gate() {
  const session = useQuery(sessionQuery);
  if (session.isPending) return <div className="sign-in muted">Loading …</div>;
  if (session.error && !session.data) {
    return (
      <div className="sign-in">
        <Failure error={session.error} retry={() => void session.refetch()} />
      </div>
    );
  }
  return (
    <Suspense fallback={<div className="sign-in muted">Loading …</div>}>
      {!session.data ? (
        <SignIn />
      ) : session.data.must_change_password ? (
        <FirstPassword session={session.data} />
      ) : (
        <LiveUpdates>
          <Shell session={session.data} />
        </LiveUpdates>
      )}
    </Suspense>
  );
}
