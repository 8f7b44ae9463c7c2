import {
  IconBan,
  IconChecks,
  IconCircleCheck,
  IconCircleX,
  IconClockPause,
  IconDownload,
  IconGhost,
  IconHandStop,
  IconHelpCircle,
  IconLoader2,
  IconMinus,
  IconPackage,
  IconPlayerPlay,
  IconRefresh,
  IconSearch,
  IconSend,
  IconUrgent,
} from "@tabler/icons-react";

type Icon = typeof IconBan;
type Look = [className: string, icon: Icon, word?: string];

const plans: Record<string, Look> = {
  simulating: ["normal", IconLoader2, "asking hosts"],
  ready: ["low", IconClockPause, "ready for approval"],
  approved: ["ok", IconCircleCheck],
  canceled: ["muted", IconBan, "cancelled"],
};

const planHosts: Record<string, Look> = {
  waiting: ["normal", IconLoader2],
  simulated: ["ok", IconCircleCheck, "would change"],
  "nothing to do": ["muted", IconMinus],
  refused: ["urgent", IconHandStop],
  "not simulated": ["high", IconHelpCircle],
};

const rollouts: Record<string, Look> = {
  running: ["low", IconPlayerPlay],
  halted: ["urgent", IconHandStop],
  aborting: ["high", IconBan],
  aborted: ["muted", IconBan],
  completed: ["ok", IconCircleCheck],
};

const runs: Record<string, Look> = {
  pending: ["muted", IconClockPause, "waiting"],
  offered: ["low", IconSend],
  preparing: ["low", IconDownload],
  applying: ["normal", IconPackage],
  verifying: ["low", IconSearch],
  rebooting: ["normal", IconRefresh],
  uncertain: ["high", IconHelpCircle, "silent"],
  succeeded: ["ok", IconCircleCheck],
  failed: ["urgent", IconCircleX],
  plan_stale: ["high", IconUrgent, "plan stale"],
  lost: ["urgent", IconGhost],
  canceled: ["muted", IconBan, "not started"],
};

const steps: Record<string, Look> = {
  started: ["low", IconPlayerPlay, "running"],
  done: ["ok", IconCircleCheck],
  failed: ["urgent", IconCircleX],
  skipped: ["muted", IconMinus],
};

function show(of: Record<string, Look>, name: string) {
  const [className, Shape, word] = of[name] ?? ["normal", IconHelpCircle];
  return (
    <span className={`state ${className}`}>
      <Shape size={14} stroke={1.8} aria-hidden />
      <span>{word ?? name}</span>
    </span>
  );
}

/** What the states of plans, their hosts, rollouts, runs and steps look like: each an icon and a word; the colour repeats it. */
export const PlanState = ({ name }: { name: string }) => show(plans, name);
export const PlanHostState = ({ name }: { name: string }) => show(planHosts, name);
export const RolloutState = ({ name }: { name: string }) => show(rollouts, name);
export const RunState = ({ name }: { name: string }) => show(runs, name);
export const StepState = ({ name }: { name: string }) => show(steps, name);

/** Proven says that a later inventory showed what the run reported. */
export function Proven() {
  return (
    <span className="state ok" title="The next inventory of the host showed exactly these versions">
      <IconChecks size={14} stroke={1.8} aria-hidden />
      <span>proven</span>
    </span>
  );
}

/** Runs that hold a slot: granted and not ended. */
export const inFlight = (state: string) => ["offered", "preparing", "applying", "verifying", "rebooting", "uncertain"].includes(state);
