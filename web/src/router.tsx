import { createBrowserRouter } from "react-router";
import { Gate } from "./shell/Gate";
import { Broken, Missing } from "./shell/Missing";

/** One chunk of code for each page: what a page needs is fetched when it is first opened. */
export const router = createBrowserRouter([
  {
    path: "/",
    element: <Gate />,
    errorElement: <Broken />,
    hydrateFallbackElement: <div className="sign-in muted">Loading …</div>,
    children: [
      { index: true, lazy: async () => ({ Component: (await import("./pages/Overview")).Overview }) },
      { path: "hosts", lazy: async () => ({ Component: (await import("./pages/Hosts")).Hosts }) },
      { path: "hosts/:host", lazy: async () => ({ Component: (await import("./pages/host/HostPage")).HostPage }) },
      { path: "vulnerabilities", lazy: async () => ({ Component: (await import("./pages/Vulnerabilities")).Vulnerabilities }) },
      { path: "vulnerabilities/:id", lazy: async () => ({ Component: (await import("./pages/Vulnerability")).Vulnerability }) },
      { path: "updates", lazy: async () => ({ Component: (await import("./pages/Updates")).Updates }) },
      { path: "plans", lazy: async () => ({ Component: (await import("./pages/Plans")).Plans }) },
      { path: "plans/:plan", lazy: async () => ({ Component: (await import("./pages/plan/PlanPage")).PlanPage }) },
      { path: "rollouts", lazy: async () => ({ Component: (await import("./pages/Rollouts")).Rollouts }) },
      { path: "rollouts/:rollout", lazy: async () => ({ Component: (await import("./pages/rollout/RolloutPage")).RolloutPage }) },
      { path: "report", lazy: async () => ({ Component: (await import("./pages/Report")).Report }) },
      { path: "report/metrics", lazy: async () => ({ Component: (await import("./pages/Metrics")).MetricsPage }) },
      { path: "enrollment", lazy: async () => ({ Component: (await import("./pages/Enrollment")).Enrollment }) },
      { path: "feeds", lazy: async () => ({ Component: (await import("./pages/Feeds")).Feeds }) },
      { path: "events", lazy: async () => ({ Component: (await import("./pages/Events")).Events }) },
      { path: "account", lazy: async () => ({ Component: (await import("./pages/Account")).Account }) },
      { path: "*", element: <Missing /> },
    ],
  },
]);
