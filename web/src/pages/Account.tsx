import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useOutletContext } from "react-router";
import { api, must } from "../api/client";
import { tokensQuery } from "../api/queries";
import type { Session, Token } from "../api/types";
import { Age } from "../parts/Age";
import { Confirm } from "../parts/Confirm";
import { Empty, Failure } from "../parts/Notes";
import { Facts, Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { DataTable } from "../table/DataTable";
import type { Column } from "../table/columns";
import { CreateApiToken } from "./account/CreateApiToken";
import { PasswordForm } from "./PasswordForm";

export function Account() {
  const session = useOutletContext<Session>();
  const client = useQueryClient();
  const query = useQuery(tokensQuery);
  const [revoking, setRevoking] = useState<Token>();
  return (
    <Page title="Account" aside={<span>{session.user}, with the role {session.role}</span>}>
      <Section title="API tokens" aside="For the command line and for scripts; a token may do what you may.">
        <div className="stack">
          <CreateApiToken />
          {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
          <DataTable
            natural
            label="API tokens"
            columns={columns(setRevoking)}
            rows={query.data?.items ?? []}
            rowKey={(token) => token.id}
            loading={query.isPending}
            minWidth={720}
            empty={<Empty title="No API token yet."><span className="mono">staunch login URL</span> makes one too.</Empty>}
          />
        </div>
      </Section>
      <div className="columns">
        <Section title="Password">
          <div style={{ maxWidth: 320 }}>
            <PasswordForm current="Present password" done={() => notifications.show({ message: "The password is changed.", color: "green" })} />
          </div>
        </Section>
        <Section title="This server">
          <Facts
            of={[
              ["Version", session.server.version],
              ["Agents connect to", <span className="mono">{session.server.agent_url}</span>],
              ["CA fingerprint", <span className="mono">{session.server.ca_fingerprint}</span>],
              ["Your session ends", <Age at={session.expires} never="not known" />],
            ]}
          />
        </Section>
      </div>
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          verb="Revoke"
          close={() => setRevoking(undefined)}
          run={() => must(api.DELETE("/api/v1/tokens/{id}", { params: { path: { id: revoking.id } } }))}
          done={() => void client.invalidateQueries({ queryKey: ["tokens"] })}
        >
          Whatever uses this token is refused from now on.
        </Confirm>
      )}
    </Page>
  );
}

function columns(revoke: (token: Token) => void): Column<Token>[] {
  return [
    { id: "name", header: "Name", title: (t) => t.name, cell: (t) => <b>{t.name}</b> },
    { id: "id", header: "Id", mono: true, width: 250, cell: (t) => t.id },
    { id: "created", header: "Made", width: 110, cell: (t) => <Age at={t.created} /> },
    { id: "used", header: "Last used", width: 110, cell: (t) => <Age at={t.last_used} /> },
    { id: "expires", header: "Expires", width: 110, cell: (t) => <Age at={t.expires} /> },
    {
      id: "revoke",
      header: <span className="sr-only">Actions</span>,
      width: 100,
      cell: (t) =>
        t.revoked ? (
          <State tone="locked">revoked</State>
        ) : (
          <Button size="compact-xs" variant="default" onClick={() => revoke(t)}>
            Revoke …
          </Button>
        ),
    },
  ];
}
