import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconCheck, IconCopy } from "@tabler/icons-react";

/** CopyBox is text to paste elsewhere, whole and selectable, with a button that copies it. */
export function CopyBox({ text, label }: { text: string; label: string }) {
  const clipboard = useClipboard({ timeout: 2000 });
  return (
    <pre className="copy mono" aria-label={label}>
      {text}
      <Button
        variant="default"
        size="compact-xs"
        leftSection={clipboard.copied ? <IconCheck size={13} /> : <IconCopy size={13} />}
        onClick={() => clipboard.copy(text)}
      >
        {clipboard.copied ? "Copied" : "Copy"}
      </Button>
    </pre>
  );
}
