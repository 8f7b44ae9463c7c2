import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconBan, IconDots, IconRefresh, IconTags, IconTrash } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { api, must } from "../../api/client";
import { messageOf } from "../../api/problem";
import type { Host } from "../../api/types";
import { hostTerm } from "../../format/spec";
import { Confirm } from "../../parts/Confirm";
import { PatchMenu } from "../../parts/PatchButton";
import { EditLabels } from "./EditLabels";

type Ask = "labels" | "revoke" | "delete";

/** HostActions are what can be done to a host. What cannot be taken back asks first and says what it means. */
export function HostActions({ host }: { host: Host }) {
  const client = useQueryClient();
  const navigate = useNavigate();
  const [ask, setAsk] = useState<Ask>();
  const close = () => setAsk(undefined);
  const params = { params: { path: { host: host.id } } };
  const refresh = useMutation({
    mutationFn: () => must(api.POST("/api/v1/hosts/{host}/refresh", params)),
    onSuccess: () =>
      notifications.show({
        message: host.online
          ? `${host.name} refreshes its package lists now and then reports.`
          : `${host.name} is offline; it is told when it next asks.`,
      }),
    onError: (error) => notifications.show({ title: "Not refreshed", message: messageOf(error), color: "red" }),
  });
  return (
    <>
      {host.state === "approved" && <PatchMenu label="Patch this" selector={hostTerm(host.name)} />}
      {host.state === "approved" && (
        <Button variant="default" leftSection={<IconRefresh size={14} />} loading={refresh.isPending} onClick={() => refresh.mutate()}>
          Refresh
        </Button>
      )}
      <Button variant="default" leftSection={<IconTags size={14} />} onClick={() => setAsk("labels")}>
        Labels
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button variant="default" leftSection={<IconDots size={14} />}>
            More
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {host.state !== "revoked" && (
            <Menu.Item leftSection={<IconBan size={14} />} onClick={() => setAsk("revoke")}>
              Revoke …
            </Menu.Item>
          )}
          <Menu.Item color="red" leftSection={<IconTrash size={14} />} onClick={() => setAsk("delete")}>
            Delete …
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {ask === "labels" && <EditLabels host={host} close={close} />}
      {ask === "revoke" && (
        <Confirm
          title={`Revoke ${host.name}?`}
          verb="Revoke"
          close={close}
          run={() => must(api.POST("/api/v1/hosts/{host}/revoke", params))}
          done={() => void client.invalidateQueries()}
        >
          Its certificates are refused from now on. To come back it must be enrolled again with a new token. What is known of it stays.
        </Confirm>
      )}
      {ask === "delete" && (
        <Confirm
          title={`Delete ${host.name}?`}
          verb="Delete"
          close={close}
          run={() => must(api.DELETE("/api/v1/hosts/{host}", params))}
          done={() => {
            void navigate("/hosts");
            client.removeQueries({ predicate: ({ queryKey }) => queryKey[1] === host.id });
            void client.invalidateQueries();
          }}
        >
          It leaves every list and every count, and its certificates are refused. Its history stays in the event log.
        </Confirm>
      )}
    </>
  );
}
