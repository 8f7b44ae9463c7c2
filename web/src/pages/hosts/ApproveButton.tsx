import { Button } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api, must } from "../../api/client";
import { messageOf } from "../../api/problem";
import type { Host } from "../../api/types";

export function ApproveButton({ host }: { host: Host }) {
  const client = useQueryClient();
  const approve = useMutation({
    mutationFn: () => must(api.POST("/api/v1/hosts/{host}/approve", { params: { path: { host: host.id } } })),
    onSuccess: () => {
      notifications.show({ message: `${host.name} is approved. What it has shows here as soon as it reports.`, color: "green" });
      void client.invalidateQueries();
    },
    onError: (error) => notifications.show({ title: `${host.name} was not approved`, message: messageOf(error), color: "red" }),
  });
  return (
    <Button size="compact-xs" variant="light" loading={approve.isPending} onClick={() => approve.mutate()}>
      Approve
    </Button>
  );
}
