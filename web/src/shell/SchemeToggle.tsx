import { ActionIcon, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconMoon, IconSun } from "@tabler/icons-react";

const schemes = {
  auto: { label: "Colours as the system has them", next: "light", icon: IconDeviceDesktop },
  light: { label: "Light colours", next: "dark", icon: IconSun },
  dark: { label: "Dark colours", next: "auto", icon: IconMoon },
} as const;

export function SchemeToggle() {
  // Mantine stops transitions for the change with a style tag, which the content security policy refuses.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const { label, next, icon: Icon } = schemes[colorScheme];
  const words = `${label}. Click for: ${schemes[next].label.toLowerCase()}`;
  return (
    <Tooltip label={words}>
      <ActionIcon aria-label={words} onClick={() => setColorScheme(next)}>
        <Icon size={17} />
      </ActionIcon>
    </Tooltip>
  );
}
