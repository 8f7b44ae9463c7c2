import type { Plan } from "../../api/types";
import { sentence } from "../../api/problem";
import { counted } from "../../format/numbers";
import { CopyBox } from "../../parts/CopyBox";
import { Note } from "../../parts/Notes";
import { Link } from "../../url/Link";

/** PlanNotes is what must be read before the tables: that hosts are still asked, what would be removed or added, what stands in the way. */
export function PlanNotes({ plan }: { plan: Plan }) {
  return (
    <>
      {plan.state === "simulating" && <Asking plan={plan} />}
      <Unusual plan={plan} action="remove" />
      <Unusual plan={plan} action="install" />
      {plan.state === "ready" && plan.blockers.map((why) => (
        <Note key={why} tone="bad">
          Cannot be approved: {sentence(why)}
        </Note>
      ))}
      {plan.state === "ready" && plan.approvable && plan.required > 0 && (
        <Note tone="info">
          <div className="stack">
            {counted(plan.required, "person", "people")} must sign these bytes with their own SSH keys; {signed(plan)} so far. A browser has no such
            key, so each of them runs:
            <CopyBox label="Command to sign" text={`staunch plan approve ${plan.id} --ssh-key ~/.ssh/id_ed25519`} />
          </div>
        </Note>
      )}
      {plan.state === "canceled" && <Note tone="info">This plan was cancelled. Nothing of it will be installed.</Note>}
      {plan.state === "approved" && (
        <Note tone="info">
          {plan.rollouts.length === 0 ? (
            "Approved, and nothing is installed yet: start a rollout."
          ) : (
            <span className="row wrap">
              Carried out by
              {plan.rollouts.map((id) => (
                <Link key={id} className="mono" to={`/rollouts/${encodeURIComponent(id)}`}>
                  {id}
                </Link>
              ))}
            </span>
          )}
        </Note>
      )}
    </>
  );
}

const signed = (plan: Plan) => plan.signatures.filter(({ principal }) => principal !== "server").length;

function Asking({ plan }: { plan: Plan }) {
  const asked = plan.asked ?? 0;
  const answered = plan.answered ?? 0;
  return (
    <Note tone="info">
      <div className="row wrap">
        <span className="num" role="status">
          Hosts are being asked what they would do: {answered} of {counted(asked, "answer")} so far, at most a minute.
        </span>
        <span className="run-bar wide" aria-hidden>
          <i className="moving" style={{ width: `${asked > 0 ? (100 * answered) / asked : 0}%` }} />
        </span>
      </div>
      <span className="muted">Hosts with the same packages, updates and repositories would answer alike: one of them is asked for all.</span>
    </Note>
  );
}

const words = {
  remove: { tone: "bad", text: "would be removed" },
  install: { tone: "warn", text: "would be installed that was not there before" },
} as const;

/** Unusual names what a plan does besides upgrading; it was allowed, and is still said loudly. */
function Unusual({ plan, action }: { plan: Plan; action: keyof typeof words }) {
  const changes = plan.changes.filter((change) => change.action === action);
  if (changes.length === 0) return null;
  const { tone, text } = words[action];
  return (
    <Note tone={tone}>
      <b>
        {counted(changes.length, "package")} {text}:
      </b>{" "}
      {changes.slice(0, 12).map(({ name, hosts }) => `${name} on ${counted(hosts, "host")}`).join(", ")}
      {changes.length > 12 && ` and ${changes.length - 12} more`}.
    </Note>
  );
}
