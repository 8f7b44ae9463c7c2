import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, must } from "../api/client";
import { enrollTokensQuery } from "../api/queries";
import type { EnrollToken } from "../api/types";
import { useQueryClient } from "@tanstack/react-query";
import { hostsWith, only } from "../format/filters";
import { Age } from "../parts/Age";
import { Confirm } from "../parts/Confirm";
import { Labels } from "../parts/Labels";
import { Empty, Failure } from "../parts/Notes";
import { Page, Section } from "../parts/Page";
import { State } from "../parts/State";
import { DataTable } from "../table/DataTable";
import type { Column } from "../table/columns";
import { Link } from "../url/Link";
import { CreateToken } from "./enroll/CreateToken";
import { NewToken } from "./enroll/NewToken";

/** Enrollment lets hosts in: a token for the next ones, and what became of those made before. */
export function Enrollment() {
  const client = useQueryClient();
  const query = useQuery(enrollTokensQuery);
  const [made, setMade] = useState<EnrollToken>();
  const [revoking, setRevoking] = useState<EnrollToken>();
  return (
    <Page
      title="Enrollment"
      actions={
        <Button component={Link} to={hostsWith(only.pending)} variant="default">
          Hosts waiting for approval
        </Button>
      }
    >
      {made ? <NewToken token={made} close={() => setMade(undefined)} /> : <CreateToken made={setMade} />}
      <Section title="Enroll-tokens">
        {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
        <DataTable
          natural
          label="Enroll-tokens"
          columns={columns(setRevoking)}
          rows={query.data?.items ?? []}
          rowKey={(token) => token.id}
          loading={query.isPending}
          minWidth={960}
          empty={<Empty title="No enroll-token was made yet." />}
        />
      </Section>
      {revoking && (
        <Confirm
          title="Revoke this enroll-token?"
          verb="Revoke"
          close={() => setRevoking(undefined)}
          run={() => must(api.DELETE("/api/v1/enroll-tokens/{id}", { params: { path: { id: revoking.id } } }))}
          done={() => void client.invalidateQueries({ queryKey: ["enroll-tokens"] })}
        >
          No more hosts can enroll with <span className="mono">{revoking.id}</span>. Hosts that already did stay.
        </Confirm>
      )}
    </Page>
  );
}

function usable(token: EnrollToken): boolean {
  return !token.revoked && token.uses_left > 0 && Date.parse(token.expires) > Date.now();
}

function TokenState({ token }: { token: EnrollToken }) {
  if (token.revoked) return <State tone="locked">revoked</State>;
  if (token.uses_left === 0) return <State tone="locked">used up</State>;
  if (!usable(token)) return <State tone="locked">expired</State>;
  return <State tone="ok">usable</State>;
}

function columns(revoke: (token: EnrollToken) => void): Column<EnrollToken>[] {
  return [
    { id: "id", header: "Token", mono: true, width: 238, title: (t) => t.id, cell: (t) => t.id },
    { id: "state", header: "State", width: 90, cell: (t) => <TokenState token={t} /> },
    { id: "uses", header: "Uses left", width: 80, right: true, cell: (t) => `${t.uses_left} of ${t.uses}` },
    { id: "approve", header: "Its hosts", width: 128, cell: (t) => (t.approve ? "approved at once" : "wait for approval") },
    { id: "labels", header: "Labels", cell: (t) => <Labels labels={t.labels} /> },
    { id: "by", header: "Made by", width: 96, title: (t) => t.by, cell: (t) => t.by },
    { id: "created", header: "Made", width: 88, cell: (t) => <Age at={t.created} /> },
    { id: "expires", header: "Expires", width: 88, cell: (t) => <Age at={t.expires} /> },
    {
      id: "revoke",
      header: <span className="sr-only">Actions</span>,
      width: 100,
      cell: (t) =>
        usable(t) && (
          <Button size="compact-xs" variant="default" onClick={() => revoke(t)}>
            Revoke …
          </Button>
        ),
    },
  ];
}
