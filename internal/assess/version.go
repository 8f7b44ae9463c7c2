package assess

import (
	"strings"

	"github.com/staunch-dev/staunch/internal/vercmp"
)

// version is one version to be compared: its order key where it has one, so that most comparisons are of bytes.
type version struct {
	text string
	key  string // the bytes of its order key; empty: it has none
}

func newVersion(scheme vercmp.Scheme, text string) version {
	key, err := vercmp.Key(scheme, text)
	if err != nil {
		return version{text: text} // ErrNoKey, or no version at all: compare says which
	}
	return version{text, string(key)}
}

// compare is exact: by key where both have one, else by the scheme. ok is false when one of them is no version of the scheme. a is the
// installed version, where one of them is.
func compare(scheme vercmp.Scheme, a, b version) (order int, ok bool) {
	if a.key != "" && b.key != "" {
		if order = strings.Compare(a.key, b.key); order >= 0 || !strings.HasPrefix(a.text, anyEpoch) {
			return order, true
		}
	}
	var unknown bool
	if a.text, unknown = strings.CutPrefix(a.text, anyEpoch); unknown {
		b.text = withoutEpoch(b.text)
	}
	if scheme == vercmp.PEP440 && !strings.Contains(b.text, "+") { // torch 2.5.1+cu118 is 2.5.1 to whom names no local label, says PEP 440
		a.text, _, _ = strings.Cut(a.text, "+")
	}
	order, err := vercmp.Compare(scheme, a.text, b.text)
	return order, err == nil
}

// anyEpoch marks an installed version whose epoch may not be known: rpm names the file of a package's source, which shows none, so that of
// perl-Errno 1.30-480.el9 is perl 5.32.1-480.el9, and really 4:5.32.1-480.el9. It is compared by what stands after the epoch, which no
// distribution raises within a release. Its key is that of epoch 0.
const anyEpoch = "*:"

func withoutEpoch(v string) string {
	if epoch, rest, ok := strings.Cut(v, ":"); ok && epoch != "" && strings.Trim(epoch, "0123456789") == "" {
		return rest
	}
	return v
}
