import { ActionIcon, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconFilter, IconSearch, IconX } from "@tabler/icons-react";
import { useState } from "react";
import type { ReactNode } from "react";

interface Props {
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string) => void;
  width?: number;
}

/** Search filters while one types. */
export function Search(props: Props) {
  return <Field {...props} icon={<IconSearch size={14} aria-hidden />} delay={250} />;
}

/**
 * Selector names hosts by their labels. It asks when typing pauses, and shows the server's own words about a selector that it
 * cannot read at the field.
 */
export function Selector({ value, onChange, problem, width = 300 }: Pick<Props, "value" | "onChange" | "width"> & { problem?: string | undefined }) {
  return (
    <Field
      label="Selector"
      placeholder="env=prod,role in (web,api),!retired"
      value={value}
      onChange={onChange}
      width={width}
      icon={<IconFilter size={14} aria-hidden />}
      delay={500}
      problem={problem}
      mono
    />
  );
}

interface FieldProps extends Props {
  icon: ReactNode;
  delay: number;
  problem?: string | undefined;
  mono?: boolean;
}

function Field({ label, placeholder, value, onChange, width = 220, icon, delay, problem, mono }: FieldProps) {
  const [typed, setTyped] = useState(value);
  const [seen, setSeen] = useState(value);
  const later = useDebouncedCallback(onChange, delay);
  if (value !== seen) {
    // The address changed by something else than this field: a link, a chip, the back button.
    setSeen(value);
    if (value !== typed.trim()) setTyped(value);
  }
  const change = (text: string) => {
    setTyped(text);
    later(text.trim());
  };
  return (
    <TextInput
      aria-label={label}
      placeholder={placeholder}
      value={typed}
      onChange={(event) => change(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Enter" && onChange(typed.trim())}
      leftSection={icon}
      rightSection={
        typed && (
          <ActionIcon size={20} aria-label={`Clear ${label.toLowerCase()}`} onClick={() => change("")}>
            <IconX size={13} />
          </ActionIcon>
        )
      }
      error={problem}
      classNames={mono ? { input: "mono" } : {}}
      style={{ width, maxWidth: "100%" }}
      spellCheck={false}
      autoComplete="off"
    />
  );
}
