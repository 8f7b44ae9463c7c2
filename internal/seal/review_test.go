package seal

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReviewBelievesNothingItCannotRecompute(t *testing.T) {
	t.Parallel()
	lock := Lock{Version: 1, Manager: "apt", Changes: []Change{
		{Name: "libssl3", Arch: "amd64", Action: "upgrade", From: "3.0.15-1", To: "3.0.17-1", SHA256: strings.Repeat("ab", 32), Size: 10},
		{Name: "nginx", Arch: "amd64", Action: "remove", From: "1.22.1-9"},
	}}
	lockBytes, err := Encode(lock)
	if err != nil {
		t.Fatal(err)
	}
	type documents struct {
		id      string
		plan    Plan
		raw     []byte
		locks   [][]byte
		members []Member
	}
	good := func() documents {
		d := documents{id: "pln_1", locks: [][]byte{slices.Clone(lockBytes)}, members: []Member{{"host_2", Sum(lockBytes)}, {"host_1", Sum(lockBytes)}}}
		root := Root([]Hash{Leaf("host_1", Sum(lockBytes)), Leaf("host_2", Sum(lockBytes))})
		d.plan = Plan{
			Version: 1, ID: "pln_1", Kind: "patch", NotAfter: time.Unix(1, 0).UTC(), HostsRoot: hex.EncodeToString(root[:]), Hosts: 2,
			Locks: []string{Sum(lockBytes)}, Reboot: "never", AllowRemovals: true,
		}
		return d
	}
	for name, tc := range map[string]struct {
		change func(*documents)
		want   string // "": it holds
	}{
		"as made":                    {func(*documents) {}, ""},
		"another plan":               {func(d *documents) { d.id = "pln_2" }, "not of"},
		"a field nobody knows":       {func(d *documents) { d.raw = []byte(`{"v":1,"id":"pln_1","kind":"patch","run":"rm"}`) }, "unknown field"},
		"something after it":         {func(d *documents) { d.raw = []byte(`{"v":1,"id":"pln_1","kind":"patch"} {}`) }, "follows"},
		"another kind":               {func(d *documents) { d.plan.Kind = "script" }, "kind or version"},
		"a lock is missing":          {func(d *documents) { d.locks = nil }, "not here"},
		"a lock differs by a byte":   {func(d *documents) { d.locks[0] = append(d.locks[0], ' ') }, "does not name lock"},
		"a lock too many":            {func(d *documents) { d.locks = append(d.locks, []byte("{}")) }, "does not name lock"},
		"removals not allowed":       {func(d *documents) { d.plan.AllowRemovals = false }, "removal of nginx"},
		"a host is not shown":        {func(d *documents) { d.members = d.members[:1] }, "not for the 1 hosts"},
		"a host is shown that isn't": {func(d *documents) { d.members = append(d.members, Member{"host_3", Sum(lockBytes)}) }, "not for the 3 hosts"},
		"a host is another":          {func(d *documents) { d.members[0].HostID = "host_9" }, "not for the 2 hosts"},
		"a host has another lock":    {func(d *documents) { d.members[0].Lock = strings.Repeat("0", 64) }, "does not name"},
		"the root is of other hosts": {func(d *documents) { d.plan.HostsRoot = strings.Repeat("0", 64) }, "not for the 2 hosts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := good()
			tc.change(&d)
			raw := d.raw
			if raw == nil {
				var err error
				if raw, err = Encode(d.plan); err != nil {
					t.Fatal(err)
				}
			}
			got, err := Review(d.id, raw, d.locks, d.members)
			switch {
			case tc.want == "" && (err != nil || got.Hash != Sum(raw) || len(got.Locks) != 1):
				t.Errorf("%+v, %v", got, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}
