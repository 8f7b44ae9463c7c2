import {
  IconActivity,
  IconBug,
  IconChartBar,
  IconClipboardCheck,
  IconClipboardList,
  IconDownload,
  IconGauge,
  IconHistory,
  IconKey,
  IconPlayerPlay,
  IconServer2,
  IconUserPlus,
} from "@tabler/icons-react";

/** The pages of the console, in the order of a day: what is wrong, where, what would fix it; then what is rarely needed. */
export const pages = [
  { to: "/", name: "Overview", about: "Counts over the whole fleet", icon: IconGauge },
  { to: "/hosts", name: "Hosts", about: "Every host, and those that wait for approval", icon: IconServer2 },
  { to: "/vulnerabilities", name: "Vulnerabilities", about: "What is wrong, and how far it reaches", icon: IconBug },
  { to: "/updates", name: "Updates", about: "What package managers would install now", icon: IconDownload },
  { to: "/plans", name: "Plans", about: "What would be installed where, for approval", icon: IconClipboardList },
  { to: "/rollouts", name: "Rollouts", about: "Plans being carried out", icon: IconPlayerPlay },
  { to: "/report", name: "Report", about: "What is open, what was fixed, by which rollout and approved by whom", icon: IconClipboardCheck },
  { to: "/report/metrics", name: "Metrics", about: "How long patching takes, what was exposed and for how long, and how much was in time", icon: IconChartBar },
  { to: "/enrollment", name: "Enrollment", about: "Let hosts in", icon: IconUserPlus },
  { to: "/feeds", name: "Feeds", about: "Where knowledge about packages comes from", icon: IconActivity },
  { to: "/events", name: "Events", about: "What happened, and who did it", icon: IconHistory },
  { to: "/account", name: "Account", about: "Your password and API tokens", icon: IconKey },
];
