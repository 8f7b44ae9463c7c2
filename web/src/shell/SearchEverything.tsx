import { useDebouncedValue } from "@mantine/hooks";
import { Spotlight } from "@mantine/spotlight";
import type { SpotlightActionGroupData } from "@mantine/spotlight";
import { IconBug, IconClipboardList, IconPlayerPlay, IconSearch, IconServer2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, must } from "../api/client";
import { counted } from "../format/numbers";
import { carried } from "../url/past";
import { usePast } from "../url/usePast";
import { pages } from "./pages";

/** SearchEverything is Ctrl K: hosts and vulnerabilities as the server finds them, the newest plans and rollouts, and the pages. */
export function SearchEverything() {
  const [typed, setTyped] = useState("");
  const [asked] = useDebouncedValue(typed.trim(), 150);
  const go = useNavigate();
  const past = usePast();
  const navigate = (to: string) => go(carried(to, past));
  const found = useQuery({
    queryKey: ["search", asked],
    enabled: asked.length >= 2,
    queryFn: async ({ signal }) => {
      const ask = { signal, params: { query: { q: asked, limit: 8 } } };
      const [hosts, vulnerabilities] = await Promise.all([
        must(api.GET("/api/v1/hosts", ask)),
        must(api.GET("/api/v1/vulnerabilities", ask)),
      ]);
      return { hosts: hosts.items, vulnerabilities: vulnerabilities.items };
    },
  });
  // The newest are here to be searched; older ones are found on their pages.
  const recent = useQuery({
    queryKey: ["search", "plans and rollouts"],
    enabled: asked.length >= 2,
    queryFn: async ({ signal }) => {
      const newest = { signal, params: { query: { limit: 50 } } };
      const [plans, rollouts] = await Promise.all([must(api.GET("/api/v1/plans", newest)), must(api.GET("/api/v1/rollouts", newest))]);
      return { plans: plans.items, rollouts: rollouts.items };
    },
  });

  const lower = typed.trim().toLowerCase();
  const matching = pages.filter(({ name, about }) => `${name} ${about}`.toLowerCase().includes(lower));
  const words = (...of: string[]) => lower.length >= 2 && of.join(" ").toLowerCase().includes(lower);
  const plans = (recent.data?.plans ?? []).filter((p) => words("plan", p.id, p.summary, p.state, p.created_by)).slice(0, 6);
  const rollouts = (recent.data?.rollouts ?? []).filter((r) => words("rollout", r.id, r.plan, r.summary, r.state, r.reason ?? "")).slice(0, 6);
  const actions: SpotlightActionGroupData[] = [
    {
      group: "Hosts",
      actions: (found.data?.hosts ?? []).map((host) => ({
        id: `host-${host.id}`,
        label: host.name,
        description: host.os || host.state,
        leftSection: <IconServer2 size={16} />,
        onClick: () => void navigate(`/hosts/${encodeURIComponent(host.id)}`),
      })),
    },
    {
      group: "Vulnerabilities",
      actions: (found.data?.vulnerabilities ?? []).map((row) => ({
        id: `vulnerability-${row.id}`,
        label: row.id,
        description: `${row.priority}, ${counted(row.hosts, "host")}, ${row.sources.join(", ")}`,
        leftSection: <IconBug size={16} />,
        onClick: () => void navigate(`/vulnerabilities/${encodeURIComponent(row.id)}`),
      })),
    },
    {
      group: "Rollouts",
      actions: rollouts.map((r) => ({
        id: `rollout-${r.id}`,
        label: `${r.state}: ${r.summary}`,
        description: r.id,
        leftSection: <IconPlayerPlay size={16} />,
        onClick: () => void navigate(`/rollouts/${encodeURIComponent(r.id)}`),
      })),
    },
    {
      group: "Plans",
      actions: plans.map((p) => ({
        id: `plan-${p.id}`,
        label: p.summary,
        description: `${p.state}, ${counted(p.hosts, "host")}, ${p.id}`,
        leftSection: <IconClipboardList size={16} />,
        onClick: () => void navigate(`/plans/${encodeURIComponent(p.id)}`),
      })),
    },
    {
      group: "Pages",
      actions: matching.map(({ to, name, about, icon: Icon }) => ({
        id: `page-${to}`,
        label: name,
        description: about,
        leftSection: <Icon size={16} />,
        onClick: () => void navigate(to),
      })),
    },
  ];

  return (
    <Spotlight
      actions={actions.filter((group) => group.actions.length > 0)}
      query={typed}
      onQueryChange={setTyped}
      filter={(_, all) => all}
      clearQueryOnClose
      lockScroll={false}
      overlayProps={{ blur: 0, backgroundOpacity: 0.5 }}
      shortcut={["mod + K"]}
      nothingFound={found.isFetching ? "Searching …" : "Nothing found. Try a part of a host's name, a CVE id or a package."}
      searchProps={{ leftSection: <IconSearch size={16} />, placeholder: "Host, CVE, package, plan, rollout or page", "aria-label": "Search" }}
      scrollable
      maxHeight={420}
    />
  );
}
