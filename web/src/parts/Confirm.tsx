import { Button, Modal } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Failure } from "./Notes";

interface Props {
  title: string;
  /** What the button does, as a verb: "Revoke". */
  verb: string;
  /** The other button, where "Cancel" could be taken for what is asked. */
  keep?: string;
  run: () => Promise<unknown>;
  done?: () => void;
  close: () => void;
  children: ReactNode;
}

/** Confirm asks before something that cannot be taken back. The focus starts on Cancel. */
export function Confirm({ title, verb, keep = "Cancel", run, done, close, children }: Props) {
  const action = useMutation({
    mutationFn: run,
    onSuccess: () => {
      close();
      done?.();
    },
  });
  return (
    <Modal opened onClose={close} title={title}>
      <div className="stack">
        <div>{children}</div>
        {action.error && <Failure error={action.error} />}
        <div className="row">
          <Button variant="default" onClick={close} data-autofocus>
            {keep}
          </Button>
          <Button color="red" loading={action.isPending} onClick={() => action.mutate()}>
            {verb}
          </Button>
        </div>
      </div>
    </Modal>
  );
}
