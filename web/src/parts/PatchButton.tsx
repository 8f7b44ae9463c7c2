import { Button, Menu } from "@mantine/core";
import { IconChevronDown, IconPackageImport } from "@tabler/icons-react";
import { useState } from "react";
import type { CreatePlan as Spec } from "../api/types";
import { usePast } from "../url/usePast";
import { CreatePlan } from "./CreatePlan";

interface Props {
  /** The words on the button: what would be planned. */
  children: string;
  prefill: Spec;
  disabled?: boolean;
  primary?: boolean;
}

/** PatchButton opens the dialog for a new plan with what is looked at filled in. */
export function PatchButton({ children, prefill, disabled, primary }: Props) {
  const [open, setOpen] = useState(false);
  const past = usePast();
  if (past.as_of) return null; // nothing is planned from what was
  return (
    <>
      <Button
        variant={primary ? "filled" : "default"}
        leftSection={<IconPackageImport size={14} />}
        disabled={disabled ?? false}
        onClick={() => setOpen(true)}
      >
        {children}
      </Button>
      {open && <CreatePlan prefill={prefill} close={() => setOpen(false)} />}
    </>
  );
}

/** PatchMenu offers the two wishes that need no picking: security, or everything, on the hosts of a selector. */
export function PatchMenu({ selector, label }: { selector: string; label: string }) {
  const [prefill, setPrefill] = useState<Spec>();
  const past = usePast();
  if (past.as_of) return null;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button leftSection={<IconPackageImport size={14} />} rightSection={<IconChevronDown size={13} />}>
            {label}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => setPrefill({ selector, security: true })}>All security updates …</Menu.Item>
          <Menu.Item onClick={() => setPrefill({ selector })}>Every update …</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {prefill && <CreatePlan prefill={prefill} close={() => setPrefill(undefined)} />}
    </>
  );
}
