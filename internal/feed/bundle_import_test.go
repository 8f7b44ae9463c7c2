package feed

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"
	"pgregory.net/rapid"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/seal"
)

func TestOnlyATrustedSignersBundleIsRead(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	other := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer(t).PublicKey())))
	entry := func(line string) func() ([]seal.Signer, error) {
		return func() ([]seal.Signer, error) { return seal.ParseAllowedSigners([]byte(line)) }
	}
	for name, tc := range map[string]struct {
		trusted func() ([]seal.Signer, error)
		trust   string
		own     ssh.Signer
		as      string // empty: refused
	}{
		"nobody":                         {},
		"another key":                    {trust: other},
		"no key":                         {trust: "hello"},
		"another in the file":            {trusted: entry("hq " + other)},
		"the key for plans only":         {trusted: entry(`hq namespaces="staunch-plan" ` + key)},
		"the key, no longer":             {trusted: entry(`hq valid-before="20200101Z" ` + key)},
		"the key in the file":            {trusted: entry("hq " + key), as: "hq"},
		"the key for bundles":            {trusted: entry(`hq namespaces="staunch-bundle" ` + key), as: "hq"},
		"the key given":                  {trust: key + " admin@hq\n", as: "the key given"},
		"this server's own":              {own: a.cfg.Key, as: "this server"},
		"the key given is not another's": {trusted: entry("hq " + key), trust: other},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			b := setup(t, "")
			b.cfg.Trusted, b.cfg.Key = tc.trusted, tc.own
			got, err := b.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{Trust: tc.trust, Force: tc.as == ""})
			if got.SignedBy != tc.as || (err != nil) != (tc.as == "") || (len(b.everything(t)) > 0) != (tc.as != "") {
				t.Errorf("trusted as %q: %v", got.SignedBy, err)
			}
			if err != nil && (!errors.Is(err, fault.Invalid) || tc.trust != "hello" && !strings.Contains(fault.Message(err), ssh.FingerprintSHA256(a.cfg.Key.PublicKey()))) {
				t.Errorf("%v names no fingerprint", err)
			}
		})
	}
}

// A bundle that was changed anywhere is refused, or changes nothing that it says: of the bytes that nobody reads, such as a tar's padding.
func TestNoByteOfABundleCanBeChanged(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	want := a.everything(t)
	b := setup(t, "")
	rapid.Check(t, func(r *rapid.T) {
		bad := slices.Clone(data)
		if cut := rapid.Bool().Draw(r, "cut"); cut {
			bad = bad[:rapid.IntRange(0, len(bad)-1).Draw(r, "length")]
		} else {
			bad[rapid.IntRange(0, len(bad)-1).Draw(r, "at")] ^= byte(rapid.IntRange(1, 255).Draw(r, "flip"))
		}
		got, err := b.ImportBundle(t.Context(), bytes.NewReader(bad), BundleOptions{Trust: key})
		if err != nil && !errors.Is(err, fault.Invalid) {
			r.Fatal(err)
		}
		for _, f := range got.Items {
			if f.Error == "" && f.Records != a.feed(t, f.Name).Records {
				r.Fatalf("%+v", f)
			}
		}
		for _, v := range b.everything(t) {
			if !slices.ContainsFunc(want, func(w any) bool { return cmp.Equal(v, w) }) {
				r.Fatalf("%+v is known now, which the signer never said", v)
			}
		}
	})
}

// remade is a bundle with its manifest and members changed by someone who has the key.
func remade(t *testing.T, data []byte, key ssh.Signer, change func(m *manifest, members map[string][]byte)) []byte {
	t.Helper()
	in := tar.NewReader(bytes.NewReader(data))
	var m manifest
	members := map[string][]byte{}
	for {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if members[h.Name], err = io.ReadAll(in); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(members[manifestName], &m); err != nil {
		t.Fatal(err)
	}
	delete(members, manifestName)
	delete(members, signatureName)
	change(&m, members)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := seal.Sign(key, seal.NamespaceBundle, text)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	put(manifestName, text)
	put(signatureName, []byte(signature))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		put(name, members[name])
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABundlesFeedsAreTakenInWholeOrRefusedWhole(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	debian := func(m *manifest) *member {
		return &m.Feeds[slices.IndexFunc(m.Feeds, func(f member) bool { return f.Name == "osv/Debian" })]
	}
	for name, tc := range map[string]struct {
		change func(m *manifest, members map[string][]byte)
		whole  string // the whole bundle is refused
		one    string // only osv/Debian is
	}{
		"as it is":         {change: func(*manifest, map[string][]byte) {}},
		"a newer version":  {change: func(m *manifest, _ map[string][]byte) { m.Version = 2 }, whole: "newer Staunch"},
		"no version":       {change: func(m *manifest, _ map[string][]byte) { m.Version = 0 }, whole: "no version"},
		"no feeds":         {change: func(m *manifest, _ map[string][]byte) { m.Feeds = nil }, whole: "it has 0 feeds"},
		"other bytes":      {change: func(m *manifest, members map[string][]byte) { members[debian(m).File][20] ^= 1 }, one: "not those that the manifest was signed over"},
		"a missing member": {change: func(m *manifest, members map[string][]byte) { delete(members, debian(m).File) }, one: "not in the bundle"},
		"another count":    {change: func(m *manifest, _ map[string][]byte) { debian(m).Records++ }, one: "the manifest says 33"},
		"an unknown feed":  {change: func(m *manifest, _ map[string][]byte) { debian(m).Name = "osv/../x" }, one: "knows no such feed"},
		"another feed's": {change: func(m *manifest, _ map[string][]byte) {
			debian(m).File, debian(m).Size, debian(m).SHA256 = m.Feeds[0].File, m.Feeds[0].Size, m.Feeds[0].SHA256
		}, one: "the manifest says 32"},
		"lines of something": {change: func(m *manifest, members map[string][]byte) { replace(m, members, []byte("{}\n")) }, one: "a line is no record"},
		"a record twice": {change: func(m *manifest, members map[string][]byte) {
			replace(m, members, []byte(strings.Repeat(`{"a":{"id":"X","affected":[]}}`+"\n", 32)))
		}, one: "twice"},
		"a cut line":      {change: func(m *manifest, members map[string][]byte) { replace(m, members, []byte(`{"a":{"id":"X"`)) }, one: "cut off"},
		"an endless line": {change: func(m *manifest, members map[string][]byte) { replace(m, members, bytes.Repeat([]byte(" "), 17<<20)) }, one: "longer than"},
		"of no time":      {change: func(m *manifest, _ map[string][]byte) { debian(m).AsOf = time.Time{} }, one: "as of when"},
		"an older one":    {change: func(m *manifest, _ map[string][]byte) { debian(m).AsOf = debian(m).AsOf.Add(-time.Hour) }, one: "what is here is newer"},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			b := setup(t, "")
			if _, err := b.ImportBundle(t.Context(), bytes.NewReader(data), BundleOptions{Trust: key}); err != nil {
				t.Fatal(err)
			}
			before, was := b.everything(t), states(t, b)["osv/Debian"]
			b.advance(time.Hour)
			got, err := b.ImportBundle(t.Context(), bytes.NewReader(remade(t, data, a.cfg.Key, tc.change)), BundleOptions{Trust: key})
			if tc.whole != "" && (!errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.whole)) || tc.whole == "" && err != nil {
				t.Fatalf("%v, want %q", err, tc.whole)
			}
			words := "refused"
			if tc.one != "" {
				words = tc.one
			}
			for _, f := range got.Items {
				bad := tc.one != "" && (f.Name == "osv/Debian" || f.Name == "osv/../x")
				if bad != strings.Contains(f.Error, words) || bad != strings.HasPrefix(f.Error, "refused: ") {
					t.Errorf("%s: %q, want %q", f.Name, f.Error, tc.one)
				}
			}
			if diff := cmp.Diff(before, b.everything(t)); diff != "" {
				t.Error(diff)
			}
			if now := states(t, b)["osv/Debian"]; !now.AsOf.Equal(was.AsOf) || now.Records != was.Records || now.Error != "" {
				t.Errorf("%+v, was %+v", now, was)
			}
		})
	}
}

// replace puts other text into osv/Debian's member.
func replace(m *manifest, members map[string][]byte, text []byte) {
	f := &m.Feeds[slices.IndexFunc(m.Feeds, func(f member) bool { return f.Name == "osv/Debian" })]
	made, err := newMemberFile("", advisory.FeedState{})
	if err != nil {
		panic(err)
	}
	x := &export{members: map[string]*memberFile{"": made}}
	defer x.discard()
	_, err = made.pack.Write(text)
	err = errors.Join(err, made.finish(f.File))
	_, seekErr := made.file.Seek(0, io.SeekStart)
	data, readErr := io.ReadAll(made.file)
	if err = errors.Join(err, seekErr, readErr); err != nil {
		panic(err)
	}
	members[f.File], f.Size, f.SHA256 = data, made.Size, made.SHA256
}

// What was left out of a bundle on purpose must not vanish where it is: a host of that release would lose its findings.
func TestABundleForAReleaseDoesNotTakeAwayAnother(t *testing.T) {
	t.Parallel()
	a, everything, key := origin(t)
	forOne := a.exported(t, "Debian:12")
	b := setup(t, "")
	if _, err := b.ImportBundle(t.Context(), bytes.NewReader(everything), BundleOptions{Trust: key}); err != nil {
		t.Fatal(err)
	}
	was := b.everything(t)
	got, err := b.ImportBundle(t.Context(), bytes.NewReader(forOne), BundleOptions{Trust: key})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"osv/Debian": "refused: the bundle was made for Debian:12, and would take away what is here of Debian:13: export that too, or use --force"}
	if diff := cmp.Diff(want, errorsOf(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(was, b.everything(t)); diff != "" {
		t.Error(diff)
	}
	got, err = b.ImportBundle(t.Context(), bytes.NewReader(forOne), BundleOptions{Trust: key, Force: true})
	if err != nil || len(errorsOf(got)) > 0 || !slices.Equal(states(t, b)["osv/Debian"].Ecosystems, []string{"Debian:12"}) {
		t.Errorf("by force: %v %v %v", err, errorsOf(got), states(t, b)["osv/Debian"].Ecosystems)
	}
	if got, err = b.ImportBundle(t.Context(), bytes.NewReader(everything), BundleOptions{Trust: key}); err != nil || len(errorsOf(got)) > 0 {
		t.Errorf("more than is here: %v %v", err, errorsOf(got))
	}
}

func TestForceTakesInWhatIsOlder(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	b := setup(t, "")
	if _, err := b.ImportFile(t.Context(), "kev", bytes.NewReader(catalogue(kevEntry("CVE-2026-0007"))), false); err != nil {
		t.Fatal(err)
	}
	old := remade(t, data, a.cfg.Key, func(m *manifest, _ map[string][]byte) {
		for i := range m.Feeds {
			m.Feeds[i].AsOf = m.Feeds[i].AsOf.Add(-1000 * time.Hour)
		}
	})
	kevOf := func(got apiv1.BundleImport) string {
		return got.Items[slices.IndexFunc(got.Items, func(f apiv1.FeedStatus) bool { return f.Name == "kev" })].Error
	}
	got, err := b.ImportBundle(t.Context(), bytes.NewReader(old), BundleOptions{Trust: key})
	if err != nil || !strings.Contains(kevOf(got), "what is here is newer") {
		t.Fatalf("%v: %q", err, kevOf(got))
	}
	got, err = b.ImportBundle(t.Context(), bytes.NewReader(old), BundleOptions{Trust: key, Force: true})
	if err != nil || kevOf(got) != "" {
		t.Fatalf("%v: %q", err, kevOf(got))
	}
	if diff := cmp.Diff(a.everything(t), b.everything(t)); diff != "" {
		t.Error(diff)
	}
}

// A clock that was ahead where a bundle was made must not make its feeds fresh for ever, nor refuse the bundles that come after it.
func TestABundleIsNeverOfTheFuture(t *testing.T) {
	t.Parallel()
	a, data, key := origin(t)
	ahead := remade(t, data, a.cfg.Key, func(m *manifest, _ map[string][]byte) {
		for i := range m.Feeds {
			m.Feeds[i].AsOf = m.Created.AddDate(50, 0, 0)
		}
	})
	b := setup(t, "")
	for range 2 { // the second holds nothing new
		if _, err := b.ImportBundle(t.Context(), bytes.NewReader(ahead), BundleOptions{Trust: key}); err != nil {
			t.Fatal(err)
		}
		for name, state := range states(t, b) {
			if state.AsOf.After(b.at()) {
				t.Errorf("%s is as of %v, and it is %v", name, state.AsOf, b.at())
			}
		}
	}
}
