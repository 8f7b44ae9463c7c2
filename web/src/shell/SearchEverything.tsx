import { useDebouncedValue } from "@mantine/hooks";
import { Spotlight } from "@mantine/spotlight";
import type { SpotlightActionGroupData } from "@mantine/spotlight";
import { IconBug, IconSearch, IconServer2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, must } from "../api/client";
import { counted } from "../format/numbers";
import { pages } from "./pages";

/** SearchEverything is Ctrl K: hosts and vulnerabilities as the server finds them, and the pages. */
export function SearchEverything() {
  const [typed, setTyped] = useState("");
  const [asked] = useDebouncedValue(typed.trim(), 150);
  const navigate = useNavigate();
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

  const lower = typed.trim().toLowerCase();
  const matching = pages.filter(({ name, about }) => `${name} ${about}`.toLowerCase().includes(lower));
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
      searchProps={{ leftSection: <IconSearch size={16} />, placeholder: "Host, CVE, package or page", "aria-label": "Search" }}
      scrollable
      maxHeight={420}
    />
  );
}
