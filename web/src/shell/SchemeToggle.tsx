import { ActionIcon, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconDeviceDesktop, IconMoon, IconSun } from "@tabler/icons-react";

const schemes = {
  auto: { label: "Colours as the system has them", next: "light", icon: IconDeviceDesktop },
  light: { label: "Light colours", next: "dark", icon: IconSun },
  dark: { label: "Dark colours", next: "auto", icon: IconMoon },
} as const;

export function SchemeToggle() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
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
