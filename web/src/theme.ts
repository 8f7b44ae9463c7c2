import { createTheme } from "@mantine/core";

/**
 * Sizes for a dense console. Colours, fonts and radii are CSS variables in styles/base.css: what Mantine would compute here it
 * would put into an inline style tag, which the content security policy refuses. For the same reason nothing locks scrolling
 * (react-remove-scroll writes a style tag), and responsive style props are not used.
 */
const small = { size: "xs" } as const;
const unlocked = { lockScroll: false, size: "lg", padding: "md", transitionProps: { duration: 80 } } as const;

export const theme = createTheme({
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Button: { defaultProps: { size: "compact-sm" } },
    ActionIcon: { defaultProps: { variant: "subtle", color: "gray", size: 28 } },
    TextInput: { defaultProps: small },
    FileInput: { defaultProps: small },
    PasswordInput: { defaultProps: { size: "sm" } },
    NumberInput: { defaultProps: small },
    Select: { defaultProps: { ...small, checkIconPosition: "right" } },
    SegmentedControl: { defaultProps: small },
    Checkbox: { defaultProps: small },
    Radio: { defaultProps: small },
    Tabs: { defaultProps: { keepMounted: false } },
    Tooltip: { defaultProps: { openDelay: 250, transitionProps: { duration: 60 }, multiline: true, maw: 420, withArrow: false } },
    Modal: { defaultProps: unlocked },
    Drawer: { defaultProps: { ...unlocked, position: "right", size: 640, overlayProps: { backgroundOpacity: 0.25 } } },
    Menu: { defaultProps: { transitionProps: { duration: 60 } } },
  },
});
