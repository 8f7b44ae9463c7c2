import { IconArrowUp, IconCirclePlus, IconTrash } from "@tabler/icons-react";

const looks = {
  upgrade: { className: "", icon: IconArrowUp },
  install: { className: "high", icon: IconCirclePlus },
  remove: { className: "urgent", icon: IconTrash },
};

/** Action is what happens to a package; what is not an upgrade stands out. */
export function Action({ name }: { name: string }) {
  const { className, icon: Icon } = looks[name as keyof typeof looks] ?? looks.upgrade;
  return (
    <span className={`state ${className}`}>
      <Icon size={13} aria-hidden />
      <span>{name}</span>
    </span>
  );
}
