package assess

import "strings"

// lines says what tells apart the kernels that a release ships side by side under one name. Each is fixed by builds of its own, and a build
// of another one, however great its version, says nothing of it.
type lines uint8

const (
	oneLine     lines = iota
	uekLines          // Oracle: beside Red Hat's kernel an UEK of each generation, 5.4.17 and 5.15.0, with their own bpftool and python-perf
	altLines          // Red Hat 7: beside 3.10.0 the kernel-alt of ARM and POWER9, 4.14.0 and el7a, whose packages are called kernel too
	seriesLines       // Amazon: kernel is 4.14, 5.4, 5.10 or 5.15, as the host chose
)

func linesOf(s Subject) lines {
	switch {
	case strings.HasPrefix(s.Ecosystem, "Oracle Linux:"):
		return uekLines
	case s.Ecosystem == "Red Hat:7":
		return altLines
	case strings.HasPrefix(s.Ecosystem, "Amazon Linux:") && kernelSource(s):
		return seriesLines
	}
	return oneLine
}

// of is the line that a build is of; equal ones follow each other.
func (l lines) of(v string) string {
	switch l {
	case uekLines:
		if strings.Contains(v, "uek") {
			return series(v)
		}
	case altLines:
		if strings.Contains(v, ".el7a") {
			return "el7a"
		}
	case seriesLines:
		return series(v)
	case oneLine:
	}
	return ""
}

// series is the first two numbers of a version: 5.4 of 0:5.4.17-2136.330.7.1.el8uek.
func series(v string) string {
	if _, rest, epoch := strings.Cut(v, ":"); epoch {
		v = rest
	}
	if major := strings.IndexByte(v, '.'); major >= 0 {
		if minor := strings.IndexAny(v[major+1:], ".-"); minor >= 0 {
			return v[:major+1+minor]
		}
	}
	return v
}
