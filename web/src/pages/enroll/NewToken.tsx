import { Button } from "@mantine/core";
import type { EnrollToken } from "../../api/types";
import { hostsWith, only } from "../../format/filters";
import { counted } from "../../format/numbers";
import { Age } from "../../parts/Age";
import { CopyBox } from "../../parts/CopyBox";
import { Note } from "../../parts/Notes";
import { Section } from "../../parts/Page";
import { Link } from "../../url/Link";

/** NewToken shows a token for the only time. The command reads it from standard input, so that no list of processes shows it. */
export function NewToken({ token, close }: { token: EnrollToken; close: () => void }) {
  const command = `echo ${token.token ?? ""} | sudo ${token.command ?? ""}`;
  return (
    <Section title="Paste this on the host" aside={<span>for {counted(token.uses, "host")}, expires <Age at={token.expires} /></span>}>
      <div className="stack">
        <Note tone="warn">The token is shown now and never again. Whoever has it can enroll a host as yours.</Note>
        <CopyBox label="Command to enroll a host" text={command} />
        <p className="muted">
          It needs staunch-agent on the host.{" "}
          {token.approve ? (
            "The host shows in Hosts as soon as it has enrolled."
          ) : (
            <>
              Its hosts then wait for you in <Link to={hostsWith(only.pending)}>Hosts, pending</Link>.
            </>
          )}
        </p>
        <div>
          <Button variant="default" onClick={close}>
            Done
          </Button>
        </div>
      </div>
    </Section>
  );
}
