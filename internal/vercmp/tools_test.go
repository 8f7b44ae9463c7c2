package vercmp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tool is a program that orders versions itself. Its script reads "a TAB b" lines on standard input and prints <, = or > for each.
type tool struct {
	scheme  Scheme
	needs   []string // programs and files without which it is not here
	command []string
	pairs   int
}

// compareLoop runs a program for each pair: %s is its test for one operator.
const compareLoop = `while IFS="$(printf '\t')" read -r a b; do %s; done`

func tools() []tool {
	return []tool{
		{scheme: Deb, needs: []string{"dpkg"}, pairs: 2000, command: []string{"sh", "-c", fmt.Sprintf(compareLoop,
			`if dpkg --compare-versions "$a" lt "$b"; then echo "<"; elif dpkg --compare-versions "$a" eq "$b"; then echo "="; else echo ">"; fi`)}},
		{scheme: RPM, needs: []string{"rpm"}, pairs: 20_000, command: []string{"sh", "-c",
			`rpm --eval '%{lua: for line in io.stdin:lines() do local a, b = line:match("^(.*)\t(.*)$"); print(({[-1]="<", [0]="=", [1]=">"})[rpm.vercmp(a, b)] .. " ") end}'`}},
		{scheme: Pacman, needs: []string{"vercmp"}, pairs: 2000, command: []string{"sh", "-c", fmt.Sprintf(compareLoop,
			`case "$(vercmp "$a" "$b")" in -1) echo "<";; 0) echo "=";; 1) echo ">";; esac`)}},
		{scheme: APK, needs: []string{"apk"}, pairs: 3000, command: []string{"sh", "-c", fmt.Sprintf(compareLoop, `apk version -t "$a" "$b"`)}},
		{scheme: PEP440, needs: []string{"/usr/bin/python3", "/usr/lib/python3/dist-packages/packaging/version.py"}, pairs: 20_000, command: []string{"/usr/bin/python3", "-c", `
import sys
from packaging.version import Version
for line in sys.stdin:
    a, b = (Version(v) for v in line.rstrip("\n").split("\t"))
    print("<" if a < b else ">" if a > b else "=")`}},
		{scheme: RubyGems, needs: []string{"ruby"}, pairs: 20_000, command: []string{"ruby", "-e",
			`STDIN.each_line(chomp: true) { |l| a, b = l.split("\t").map { |v| Gem::Version.new(v) }; puts ["=", ">", "<"][a <=> b] }`}},
		{scheme: Packagist, needs: []string{"php", "/usr/share/php/Composer/Semver/autoload.php"}, pairs: 20_000, command: []string{"php", "-r", `
require "/usr/share/php/Composer/Semver/autoload.php";
$p = new Composer\Semver\VersionParser();
while (($l = fgets(STDIN)) !== false) {
    [$a, $b] = array_map(fn($v) => $p->normalize($v), explode("\t", rtrim($l, "\n")));
    echo ["<", "=", ">"][version_compare($a, $b) + 1], "\n";
}`}},
		{scheme: Maven, needs: []string{"java", mavenJar, commonsJar}, pairs: 5000, command: []string{"sh", "-c",
			`tr '\t' '\n' | xargs -d '\n' -n 1000 java -cp ` + mavenJar + `:` + commonsJar + ` org.apache.maven.artifact.versioning.ComparableVersion |
			 awk '/^   /{ gsub("==", "="); print $(NF-1) } /^1\. /{ n = 0 }' | cat`}},
	}
}

const (
	mavenJar   = "/usr/share/java/maven-artifact-3.x.jar"
	commonsJar = "/usr/share/java/commons-lang3.jar"
)

func (o tool) here() bool {
	for _, need := range o.needs {
		if strings.HasPrefix(need, "/") {
			if _, err := os.Stat(need); err != nil {
				return false
			}
		} else if _, err := exec.LookPath(need); err != nil {
			return false
		}
	}
	return true
}

// The order is the tool's own: thousands of real and mutated pairs, against each tool that is installed here.
func TestAgreementWithTheTools(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the tools thousands of times")
	}
	t.Parallel()
	for _, o := range tools() {
		if !o.here() { // most machines have few of them; the vectors of each are tested everywhere
			t.Logf("%s: not here: %v", o.scheme, o.needs)
			continue
		}
		t.Run(string(o.scheme), func(t *testing.T) {
			t.Parallel()
			pairs := pairsFor(t, o.scheme, o.pairs)
			var in bytes.Buffer
			for _, p := range pairs {
				fmt.Fprintf(&in, "%s\t%s\n", p[0], p[1])
			}
			cmd := exec.CommandContext(t.Context(), o.command[0], o.command[1:]...)
			cmd.Stdin, cmd.Stderr = &in, os.Stderr
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			answers := strings.Fields(string(out))
			if o.scheme == Maven {
				answers = everyOther(answers, 500)
			}
			if len(answers) != len(pairs) {
				t.Fatalf("%d answers to %d pairs", len(answers), len(pairs))
			}
			wrong := 0
			for i, p := range pairs {
				n, err := Compare(o.scheme, p[0], p[1])
				if err != nil || opOf(n) != answers[i] {
					if wrong++; wrong <= 20 {
						t.Errorf("%q %s %q, and the tool has %s (%v)", p[0], opOf(n), p[1], answers[i], err)
					}
				}
			}
			t.Logf("%d pairs, %d wrong", len(pairs), wrong)
		})
	}
}

// everyOther: the tool compares each argument with the next, in batches of pairs; the answers within a pair are what was asked.
func everyOther(answers []string, pairs int) []string {
	var kept []string
	perBatch := 2*pairs - 1
	for i := range answers {
		if i%perBatch%2 == 0 {
			kept = append(kept, answers[i])
		}
	}
	return kept
}

// pairsFor makes pairs of versions that are valid by our rules: real ones where there are any, and mutations of them near each other.
func pairsFor(t *testing.T, s Scheme, n int) [][2]string {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same pairs each time
	seeds := seedsFor(t, s)
	pieces := alphabet(s)
	mutate := func(v string) string {
		for range 1 + random.IntN(3) {
			at := random.IntN(len(v) + 1)
			to := min(len(v), at+random.IntN(3))
			piece := pieces[random.IntN(len(pieces))]
			if random.IntN(3) == 0 {
				piece = ""
			}
			v = v[:at] + piece + v[to:]
		}
		return v
	}
	var pairs [][2]string
	for len(pairs) < n {
		a := seeds[random.IntN(len(seeds))]
		b := a
		switch random.IntN(4) {
		case 0:
			b = seeds[random.IntN(len(seeds))]
		case 1:
			a = mutate(a)
			fallthrough
		default:
			b = mutate(b)
		}
		if strings.ContainsAny(a+b, "\t\n ") || a == "" || b == "" || Valid(s, a) != nil || Valid(s, b) != nil {
			continue
		}
		pairs = append(pairs, [2]string{a, b})
	}
	return pairs
}

// seedsFor are the versions of our own chains, of the shared vectors when they are here, and of the packages installed on this machine.
func seedsFor(t *testing.T, s Scheme) []string {
	t.Helper()
	var seeds []string
	for _, c := range chains(t) {
		if c.scheme == s {
			seeds = append(seeds, c.versions...)
		}
	}
	if dir := os.Getenv("STAUNCH_SHARED"); dir != "" || exists("../../../shared") {
		if dir == "" {
			dir = filepath.Join("..", "..", "..", "shared")
		}
		for name, f := range sharedFiles() {
			if f.scheme == s {
				for _, v := range vectors(t, filepath.Join(dir, "data", "vectors", name)) {
					seeds = append(seeds, v.a, v.b)
				}
			}
		}
	}
	if s == Deb {
		if status, err := os.ReadFile("/var/lib/dpkg/status"); err == nil {
			for line := range strings.Lines(string(status)) {
				if v, ok := strings.CutPrefix(line, "Version: "); ok {
					seeds = append(seeds, strings.TrimSpace(v))
				}
			}
		}
	}
	return seeds
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
