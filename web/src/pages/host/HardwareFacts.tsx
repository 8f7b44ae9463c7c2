import type { HostDetail } from "../../api/types";
import { bytes, counted } from "../../format/numbers";
import { Facts } from "../../parts/Page";

type Props = Pick<HostDetail, "hardware" | "vitals">;

export function HardwareFacts({ hardware, vitals }: Props) {
  if (!hardware) return <span className="muted">Nothing reported yet.</span>;
  const { cpu, dmi } = hardware;
  const free = new Map((vitals?.free ?? []).map(({ mount, bytes: room }) => [mount, room]));
  return (
    <Facts
      of={[
        ["Machine", [dmi.vendor, dmi.product].filter(Boolean).join(" ")],
        ["Serial", dmi.serial],
        ["BIOS", dmi.bios],
        ["Processor", `${cpu.model ?? "model not reported"}, ${counted(cpu.threads, "thread")}`],
        [
          "Memory",
          <span className="num">
            {bytes(hardware.memory_bytes)}
            {vitals ? `, ${bytes(vitals.mem_available)} available` : ""}
            {hardware.swap_bytes ? `, swap ${bytes(hardware.swap_bytes)}` : ""}
          </span>,
        ],
        ["Load", vitals && <span className="num">{vitals.load1.toFixed(2)}</span>],
        ["Disks", <Lines of={hardware.disks.map((disk) => `${disk.name} ${bytes(disk.bytes)} ${disk.model ?? ""}`)} />],
        [
          "File systems",
          <Lines
            of={hardware.filesystems.map(({ mount, type, bytes: size }) => {
              const room = free.get(mount);
              return `${mount} ${bytes(size)} ${type ?? ""}${room === undefined ? "" : `, ${bytes(room)} free`}`;
            })}
          />,
        ],
        ["Network", <Lines of={hardware.nics.map((nic) => `${nic.name} ${nic.addresses.join(" ")}`)} />],
      ]}
    />
  );
}

function Lines({ of }: { of: string[] }) {
  if (of.length === 0) return <span className="muted">none</span>;
  return (
    <>
      {of.map((line) => (
        <div key={line} className="num">
          {line}
        </div>
      ))}
    </>
  );
}
