// What the fixture's hosts have. Hosts of a kind share their package set, as real ones do.

// source, its old version, its fixed version, its binaries
const sources = [
  ["openssl", "3.0.15-1~deb12u1", "3.0.17-1~deb12u3", ["libssl3", "openssl"]],
  ["curl", "7.88.1-10+deb12u8", "7.88.1-10+deb12u14", ["curl", "libcurl4"]],
  ["glibc", "2.36-9+deb12u9", "2.36-9+deb12u13", ["libc6", "libc-bin", "locales"]],
  ["openssh", "1:9.2p1-2+deb12u5", "1:9.2p1-2+deb12u7", ["openssh-client", "openssh-server"]],
  ["sudo", "1.9.13p3-1+deb12u1", "1.9.13p3-1+deb12u2", ["sudo"]],
  ["systemd", "252.33-1~deb12u1", "252.39-1~deb12u1", ["libsystemd0", "systemd", "udev"]],
  ["perl", "5.36.0-7+deb12u1", "5.36.0-7+deb12u3", ["perl", "perl-base"]],
  ["zlib", "1:1.2.13.dfsg-1", "", ["zlib1g"]],
  ["libxml2", "2.9.14+dfsg-1.3~deb12u1", "2.9.14+dfsg-1.3~deb12u4", ["libxml2"]],
  ["gnutls28", "3.7.9-2+deb12u3", "3.7.9-2+deb12u5", ["libgnutls30"]],
  ["vim", "2:9.0.1378-2", "2:9.0.1378-2+deb12u2", ["vim-tiny", "vim-common"]],
  ["linux", "6.1.128-1", "6.1.140-1", ["linux-image-6.1.0-31-amd64"]],
];
const roles = { web: ["nginx", "1.22.1-9", "", ["nginx", "nginx-common"]], db: ["postgresql-15", "15.10-0+deb12u1", "15.14-0+deb12u1", ["postgresql-15"]] };
const quiet = ["adduser", "apt", "base-files", "bash", "coreutils", "cron", "dash", "dbus", "debianutils", "diffutils", "dpkg", "e2fsprogs", "findutils", "gawk", "grep", "gzip", "hostname", "iproute2", "kmod", "less", "login", "logrotate", "mawk", "mount", "nano", "netbase", "passwd", "procps", "rsyslog", "sed", "tar", "tzdata", "util-linux"];
const mirror = "http://mirror.example.org/debian";

/** contents is everything that host number at reports. bad, when given, is markup in every string that a page shows. */
export function contents(name, at, bad) {
  const role = roles[name.split("-")[0]];
  const here = role ? [...sources, role] : sources;
  const kind = at % 5; // 0 and 1: nothing was updated; 2 and 3: half was; 4: all was
  const fixed = (index) => kind === 4 || (kind >= 2 && index % 2 === 0);
  const release = at % 23 === 7 ? trixie : at % 31 === 11 ? noble : at % 61 === 43 ? buster : bookworm;
  const packages = [
    ...here.flatMap(([source, old, fresh, binaries], index) =>
      binaries.map((binary) => pack(binary, source, fixed(index) && fresh ? fresh : old)),
    ),
    ...quiet.map((binary) => pack(binary, binary, "1.0-1")),
  ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const updates = here.flatMap(([, old, fresh, binaries], index) =>
    fresh && !fixed(index) ? binaries.map((binary) => update(binary, old, fresh, at, index)) : [],
  );
  const unknown = at % 29 === 13;
  const reboot = at % 6 === 1;
  const now = Date.now();
  const ago = (minutes) => new Date(now - minutes * 60_000).toISOString();
  const refreshed = at % 17 === 9 ? 60 * 53 : 5 + (at % 50) * 6;
  if (bad) updates[0].reason = bad;
  return {
    sections: {
      facts: {
        hostname: name,
        arch: "amd64",
        os: bad ? { ...release, name: `Debian ${bad}` } : release,
        kernel: {
          running: "6.1.0-31-amd64",
          newest: reboot ? "6.1.0-37-amd64" : "6.1.0-31-amd64",
          installed: reboot ? ["6.1.0-31-amd64", "6.1.0-37-amd64"] : ["6.1.0-31-amd64"],
        },
        boot_id: `boot-${at}`,
        reboot: {
          required: reboot,
          packages: reboot ? ["linux-image-6.1.0-37-amd64"] : [],
          reasons: reboot ? ["running kernel 6.1.0-31 is older than installed 6.1.0-37"] : [],
        },
        virtualization: "kvm",
        package_manager: { name: "apt", version: "2.6.1", interrupted: false, broken: [], held: at % 7 === 3 ? ["sudo"] : [] },
        units: [
          { name: "cron.service", enabled: "enabled" },
          { name: bad ? "hostile.service" : "logrotate.service", enabled: "static", ...(at % 12 === 5 || bad ? { failed: true } : {}) },
          { name: "ssh.service", enabled: "enabled" },
        ],
      },
      packages: { ecosystem: release.ecosystem, packages },
      repositories: {
        repositories: ["bookworm", "bookworm-security", "bookworm-updates"].map((suite) => ({
          id: `${mirror} ${suite}`,
          uri: mirror,
          suite,
          components: ["main"],
          file: "/etc/apt/sources.list",
          origin: "Debian",
          label: suite === "bookworm-security" ? "Debian-Security" : "Debian",
        })),
      },
      updates: unknown
        ? { manager: "apt", known: false, problem: "apt-get: the package database is locked by another process", updates: [] }
        : { manager: "apt", known: true, updates: updates.toSorted((a, b) => (a.name < b.name ? -1 : 1)) },
      hardware: hardware(at),
    },
    vitals: {
      booted_at: ago(60 * 24 * (3 + (at % 40))),
      load1: (at % 13) / 10,
      mem_available: 6_000_000_000 + at * 1_000_000,
      free: [{ mount: "/", bytes: 21_000_000_000 }],
      metadata: ["bookworm", "bookworm-security", "bookworm-updates"].map((suite) => ({
        repository: `${mirror} ${suite}`,
        released: ago(60 * 9),
        fetched_at: ago(refreshed),
      })),
      refreshed_at: ago(refreshed),
      refresh_tried: ago(Math.min(refreshed, 30)),
      ...(refreshed > 1440 ? { refresh_error: "mirror.example.org: connection timed out" } : {}),
    },
  };
}

const bookworm = { id: "debian", version_id: "12", codename: "bookworm", name: "Debian GNU/Linux 12 (bookworm)", ecosystem: "Debian:12" };
const trixie = { id: "debian", version_id: "13", codename: "trixie", name: "Debian GNU/Linux 13 (trixie)", ecosystem: "Debian:13" };
const buster = { id: "debian", version_id: "10", codename: "buster", name: "Debian GNU/Linux 10 (buster)", ecosystem: "Debian:10" };
const noble = { id: "ubuntu", version_id: "24.04", codename: "noble", name: "Ubuntu 24.04.1 LTS", ecosystem: "Ubuntu:24.04" };

function pack(name, source, version) {
  const of = source === name ? {} : { source };
  return { name, arch: "amd64", version, ...of, origin: "Debian" };
}

function update(name, from, to, at, index) {
  const common = { name, arch: "amd64", action: "upgrade", from, to, archive: "bookworm-security", origin: "Debian", security: true };
  if (name === "sudo" && at % 7 === 3) return { ...common, state: "held", reason: "held by the administrator" };
  if (name === "vim-tiny" && at % 3 === 1) return { ...common, security: false, archive: "bookworm-updates", state: "phased", reason: "offered to 40 % of machines so far" };
  if (name === "libxml2" && at % 4 === 1) return { ...common, state: "kept-back", reason: "needs the removal of libxml2-legacy" };
  return index % 5 === 4 ? { ...common, security: false, archive: "bookworm-updates", state: "installable" } : { ...common, state: "installable" };
}

function hardware(at) {
  return {
    cpu: { model: "AMD EPYC 7B13", vendor: "AuthenticAMD", sockets: 1, cores: 4, threads: 8 },
    memory_bytes: 17_179_869_184,
    disks: [{ name: "vda", model: "QEMU", type: "ssd", bytes: 85_899_345_920 }],
    filesystems: [{ mount: "/", device: "/dev/vda1", type: "ext4", bytes: 84_000_000_000 }],
    nics: [{ name: "eth0", mac: `52:54:00:00:00:${(at % 256).toString(16).padStart(2, "0")}`, addresses: [`192.0.2.${1 + (at % 250)}/24`] }],
    dmi: { vendor: "QEMU", product: "Standard PC (Q35 + ICH9, 2009)", bios: "1.16.3" },
  };
}
