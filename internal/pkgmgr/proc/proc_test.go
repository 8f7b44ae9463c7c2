package proc

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReplaced(t *testing.T) {
	t.Parallel()
	maps := "7f1 r-xp 00000000 fd:01 123    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n" +
		"7f2 r--p 00000000 fd:01 124    /usr/lib/locale/C.utf8 (deleted)\n7f3 r-xp 00000000 00:01 9 /memfd:x (deleted)\n" +
		"7f4 r-xp 00000000 00:01 9 /tmp/y (deleted)\n7f5 r-xp 00000000 fd:01 5 /usr/lib/libc.so.6\n7f6 r-xp\nshort\n"
	if diff := cmp.Diff([]string{"/usr/bin/d", "/usr/lib/x86_64-linux-gnu/libssl.so.3"}, Replaced([]byte(maps), "/usr/bin/d (deleted)")); diff != "" {
		t.Error(diff)
	}
}

func TestUnit(t *testing.T) {
	t.Parallel()
	for cgroup, want := range map[string]string{
		"0::/system.slice/ssh.service\n":                                   "ssh.service",
		"0::/system.slice/system-getty.slice/getty@tty1.service\n":         "getty@tty1.service",
		"0::/user.slice/user-0.slice/user@0.service/app.slice/x.service\n": "user@0.service",
		"0::/user.slice/user-0.slice/session-3.scope\n":                    "session-3.scope",
		"0::/init.scope\n":                                                                   "init.scope",
		"0::/system.slice/docker-abc.scope\n":                                                "",
		"0::/machine.slice/x.scope/payload/system.slice/ssh.service\n":                       "",
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-1.scope\n":                    "",
		"12:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/system.slice/cron.service": "cron.service",
		"0::/\n": "", "": "",
	} {
		if got := Unit([]byte(cgroup)); got != want {
			t.Errorf("unit of %q is %q, want %q", cgroup, got, want)
		}
	}
}

func FuzzProcText(f *testing.F) {
	f.Add([]byte("7f1 r-xp 00000000 fd:01 123    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)\n"), "/usr/bin/d (deleted)")
	f.Add([]byte("0::/system.slice/ssh.service\n12::\n"), "")
	f.Fuzz(func(t *testing.T, text []byte, exe string) {
		Unit(text)
		for _, name := range Replaced(text, exe) {
			if !shipped(name) {
				t.Fatalf("let through: %q", name)
			}
		}
	})
}
