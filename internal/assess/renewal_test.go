package assess

import "testing"

func TestHowUnitsGetRidOfOldCode(t *testing.T) {
	for _, c := range []struct {
		name  string
		units []string
		want  string
	}{
		{"services", []string{"nginx.service", "ssh.service"}, ": restart nginx.service, ssh.service"},
		{"the first process and the bus", []string{"dbus.service", "init.scope"}, ": reboot, since dbus.service, init.scope cannot be restarted alone"},
		{"one of them among services: a reboot does for all", []string{"init.scope", "nginx.service"}, ": reboot, since init.scope cannot be restarted alone"},
		{"a process that somebody started by hand", []string{"(none)"}, " by running processes"},
		{"beside a service", []string{"(none)", "nginx.service"}, ": restart nginx.service, and what runs it outside any unit"},
		{"nobody says which", nil, " by running processes"},
		{"a service that is only named alike", []string{"dbus-proxy.service"}, ": restart dbus-proxy.service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := renewal(c.units); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}
