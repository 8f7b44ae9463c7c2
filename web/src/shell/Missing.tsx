import { useRouteError } from "react-router";
import { messageOf } from "../api/problem";
import { Empty, Note } from "../parts/Notes";
import { Page } from "../parts/Page";

export function Missing() {
  return (
    <Page title="No such page">
      <Empty title="The console has no page at this address.">
        Press <kbd>Ctrl K</kbd> to search for a host, a vulnerability or a page.
      </Empty>
    </Page>
  );
}

/** Broken stands where a page failed to load or to draw, most often because the server was upgraded under an open console. */
export function Broken() {
  const error = useRouteError();
  return (
    <div className="sign-in">
      <Note tone="bad">
        <p>This page did not work: {messageOf(error)}</p>
        <p>
          If the server was just upgraded, <a href={window.location.href}>load the console again</a>. Nothing on the server changed.
        </p>
      </Note>
    </div>
  );
}
