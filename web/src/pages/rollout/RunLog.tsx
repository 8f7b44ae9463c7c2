import { Button } from "@mantine/core";
import { IconDownload, IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useLayoutEffect, useRef, useState } from "react";
import { runLogQuery } from "../../api/patch";
import { count, counted } from "../../format/numbers";
import { download } from "../../format/csv";
import { Failure } from "../../parts/Notes";
import { Section } from "../../parts/Page";

// The document holds this many lines; the file has all.
const most = 2000;

/** RunLog is what the package manager writes, as it comes. Following stops when one scrolls up, and begins again at the end. */
export function RunLog({ run, host }: { run: string; host: string }) {
  const [following, setFollowing] = useState(true);
  const [paused, setPaused] = useState<string[]>();
  const query = useQuery(runLogQuery(run));
  const box = useRef<HTMLPreElement>(null);
  const all = query.data?.lines ?? [];
  const lines = paused ?? all;
  const cut = Math.max(0, lines.length - most);
  useLayoutEffect(() => {
    if (following && !paused && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const scrolled = () => {
    const at = box.current;
    if (at) setFollowing(at.scrollHeight - at.scrollTop - at.clientHeight < 24);
  };
  const ended = query.data?.ended ?? false;
  return (
    <Section
      title="Log"
      aside={
        <span className="row wrap num">
          {counted(lines.length, "line")}
          {ended ? ", ended" : paused ? `, paused${all.length > lines.length ? `: ${count(all.length - lines.length)} more since` : ""}` : following ? ", following" : ", scrolled up"}
          {!ended && (
            <Button
              variant="default"
              size="compact-xs"
              leftSection={paused ? <IconPlayerPlay size={13} /> : <IconPlayerPause size={13} />}
              onClick={() => {
                setPaused(paused ? undefined : all);
                setFollowing(true);
              }}
            >
              {paused ? "Follow" : "Pause"}
            </Button>
          )}
          {all.length > 0 && (
            <Button variant="default" size="compact-xs" leftSection={<IconDownload size={13} />} onClick={() => download(`${run}-${host}.log`, "text/plain", `${all.join("\n")}\n`)}>
              Download
            </Button>
          )}
        </span>
      }
    >
      {query.error && <Failure error={query.error} retry={() => void query.refetch()} />}
      <pre className="log mono" ref={box} onScroll={scrolled} role="log" aria-label={`Log of the run on ${host}`} aria-live="off">
        {cut > 0 && `… ${count(cut)} earlier lines are in the file\n`}
        {lines.slice(cut).join("\n") || <span className="muted">{ended ? "Nothing was written." : "Nothing written yet."}</span>}
      </pre>
    </Section>
  );
}
