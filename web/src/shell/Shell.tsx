import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { IconKey, IconLogout, IconSearch, IconUserCircle } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Outlet, useNavigate } from "react-router";
import { spotlight } from "@mantine/spotlight";
import { api, must } from "../api/client";
import type { Session } from "../api/types";
import { Link } from "../url/Link";
import { useWrongPast } from "../url/usePast";
import { LiveIndicator } from "./LiveIndicator";
import { Nav } from "./Nav";
import { PastBanner, WrongPast } from "./PastBanner";
import { PastControl } from "./PastControl";
import { SchemeToggle } from "./SchemeToggle";
import { SearchEverything } from "./SearchEverything";

export function Shell({ session }: { session: Session }) {
  const wrongPast = useWrongPast();
  return (
    <div className="shell">
      <a className="shell-skip" href="#main">
        Skip to the page
      </a>
      <Link className="shell-brand" to="/">
        <img src="/favicon.svg" width={20} height={20} alt="" />
        Staunch
      </Link>
      <div className="shell-top">
        <button type="button" className="shell-search" onClick={spotlight.open}>
          <IconSearch size={14} aria-hidden />
          <span className="cut">Search hosts, vulnerabilities, pages</span>
          <kbd>Ctrl K</kbd>
        </button>
        <span className="grow" />
        <PastControl />
        <LiveIndicator />
        <SchemeToggle />
        <UserMenu session={session} />
      </div>
      <Nav />
      <main id="main" className="shell-main" tabIndex={-1}>
        <PastBanner />
        {wrongPast ? <WrongPast why={wrongPast} /> : <Outlet context={session} />}
      </main>
      <SearchEverything />
    </div>
  );
}

function UserMenu({ session }: { session: Session }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const signOut = useMutation({
    mutationFn: () => must(api.DELETE("/api/v1/session")),
    onSettled: () => {
      void navigate("/");
      client.setQueryData(["session"], null);
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== "session" }); // nothing stays for who signs in next
    },
  });
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <Tooltip label={`Signed in as ${session.user}`}>
          <ActionIcon aria-label={`Signed in as ${session.user}`}>
            <IconUserCircle size={17} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {session.user}, {session.role}
        </Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<IconKey size={14} />}>
          Password and API tokens
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={14} />} onClick={() => signOut.mutate()}>
          Sign out
        </Menu.Item>
        <Menu.Divider />
        <Menu.Label>Server {session.server.version}</Menu.Label>
      </Menu.Dropdown>
    </Menu>
  );
}
