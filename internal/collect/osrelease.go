package collect

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/pkgmgr"
)

const maxOSRelease = 64 << 10

// ReadOS reads etc/os-release, or usr/lib/os-release, below root ("" means "/"). fault.NotFound when there is neither.
func ReadOS(root string) (apiv1.OSRelease, error) {
	tree, err := pkgmgr.OpenRoot(root)
	if err != nil {
		return apiv1.OSRelease{}, fault.Wrap(err, fault.NotFound, "root %q cannot be opened", root)
	}
	defer func() { _ = tree.Close() }()
	return readOS(tree)
}

func readOS(tree *pkgmgr.Root) (apiv1.OSRelease, error) {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		b, err := tree.ReadFile(name, maxOSRelease)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return apiv1.OSRelease{}, fault.Wrap(err, fault.Invalid, "%s cannot be read", name)
		}
		return parseOSRelease(b), nil
	}
	return apiv1.OSRelease{}, fault.New(fault.NotFound, "no os-release in the root: which distribution it is cannot be known")
}

// parseOSRelease reads os-release(5): shell assignments without expansion. Lines that are none are ignored, the last of a name counts.
func parseOSRelease(b []byte) apiv1.OSRelease {
	values := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			values[k] = unquote(v)
		}
	}
	rel := apiv1.OSRelease{
		ID:        clip(strings.ToLower(values["ID"]), 64), // lowering first: it can make letters longer
		IDLike:    clip(values["ID_LIKE"], 128),
		VersionID: clip(values["VERSION_ID"], 64),
		Codename:  clip(values["VERSION_CODENAME"], 64),
		Name:      clip(values["PRETTY_NAME"], 256),
	}
	if rel.Name == "" {
		rel.Name = clip(strings.TrimSpace(values["NAME"]+" "+rel.VersionID), 256)
	}
	rel.Ecosystem = Ecosystem(rel.ID, rel.VersionID)
	return rel
}

// unquote undoes the quoting that a shell would: single quotes keep everything, double quotes and bare words know the backslash.
func unquote(v string) string {
	if len(v) >= 2 && v[0] == '\'' && v[len(v)-1] == '\'' {
		return v[1 : len(v)-1]
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	var out strings.Builder
	for i := 0; i < len(v); i++ {
		if v[i] == '\\' && i+1 < len(v) {
			i++
		}
		out.WriteByte(v[i])
	}
	return out.String()
}

// clip makes foreign text fit for the wire: valid UTF-8, no control characters, at most n bytes.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[:n], "")
	}
	return s
}

// Ecosystem is the name under which advisories speak of the release that an os-release's ID and VERSION_ID name, as Debian:12; empty
// when there is none: a derivative is not its parent (CentOS Stream is ahead of Red Hat's, and its advisories are not for it), and a
// release that only rolls and has no advisories (Debian testing) has no number. Alpine's edge has a database of its own; it calls itself
// by the next release's number and _alpha with a date, and what that release's database says later is not for it.
func Ecosystem(id, versionID string) string {
	switch id {
	case "arch":
		return "Arch Linux"
	case "wolfi":
		return "Wolfi"
	case "chainguard":
		return "Chainguard"
	case "alpine":
		if versionID == "edge" || strings.Contains(versionID, "_alpha") {
			return "Alpine:edge"
		}
	}
	major, rest, _ := strings.Cut(versionID, ".")
	if major == "" || strings.Trim(major, "0123456789") != "" {
		return ""
	}
	minor, _, _ := strings.Cut(rest, ".")
	if name, ok := byMajor[id]; ok {
		return name + ":" + major
	}
	switch id {
	case "ubuntu":
		if minor != "" {
			return "Ubuntu:" + major + "." + minor
		}
	case "alpine":
		if minor != "" && strings.Trim(minor, "0123456789") == "" {
			return "Alpine:v" + major + "." + minor
		}
	case "amzn": // what came before 2 had releases like 2018.03 and is long over
		if major == "2" || len(major) == 4 && major >= "2022" {
			return "Amazon Linux:" + major
		}
	case "sles", "sled", "sle_hpc", "sle-hpc", "sles_sap": // a service pack is a release of its own, the first one has no number: 15, 15.1, …
		return "SUSE:" + strings.TrimSuffix(major+"."+minor, ".")
	case "opensuse-leap":
		if minor != "" {
			return "openSUSE:Leap " + major + "." + minor
		}
	}
	return ""
}

// byMajor are the distributions whose advisories speak of all minor releases of a major one alike.
var byMajor = map[string]string{
	"debian": "Debian", "almalinux": "AlmaLinux", "rocky": "Rocky Linux", "rhel": "Red Hat", "ol": "Oracle Linux", "fedora": "Fedora",
	"azurelinux": "Azure Linux", "mariner": "Azure Linux",
}
