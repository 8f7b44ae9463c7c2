package inspect

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// repeated reads head, then one text so many times, then tail.
func repeated(head, text string, times int, tail string) io.Reader {
	return io.MultiReader(strings.NewReader(head), io.LimitReader(&again{text: text}, int64(times*len(text))), strings.NewReader(tail))
}

type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		m := copy(p[n:], a.text[a.at:])
		n, a.at = n+m, (a.at+m)%len(a.text)
	}
	return n, nil
}

// What a document holds beside packages costs no memory, however often it is there, and what it holds of packages is bounded.
func TestSBOMBombsAreBounded(t *testing.T) { // not parallel: it measures memory
	const most = 100 << 20
	for name, in := range map[string]io.Reader{
		"empty components":      repeated(`{"bomFormat":"CycloneDX","components":[{}`, `,{}`, 2<<20, `]}`),
		"empty components, XML": repeated(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>`, `<component/>`, 1<<20, `</components></bom>`),
		"properties":            repeated(`{"bomFormat":"CycloneDX","components":[{"purl":"pkg:pypi/a@1","properties":[{}`, `,{"name":"syft:x"}`, 2<<20, `]}]}`),
		"references":            repeated(`{"spdxVersion":"SPDX-2.3","packages":[{"name":"a","externalRefs":[{}`, `,{}`, 2<<20, `]}]}`),
		"packages":              repeated(`{"spdxVersion":"SPDX-2.3","packages":[{}`, `,{}`, 2<<20, `]}`),
		"one key again":         repeated(`{"bomFormat":"CycloneDX"`, `,"components":[{"type":"file"}]`, 1<<20, `}`),
		"tag and value":         repeated("SPDXVersion: SPDX-2.3\n", "PackageName: a\n", 1<<20, ""),
	} {
		runtime.GC()
		var peak uint64
		r, err := SBOM(watched(in, &peak))
		if err != nil || len(r.Packages) > 1 {
			t.Errorf("%s: %d packages, %v", name, len(r.Packages), err)
		}
		if peak > most {
			t.Errorf("%s: %d MiB of memory", name, peak>>20)
		}
	}
}

// watched notes the largest heap while r is read.
func watched(r io.Reader, peak *uint64) io.Reader { return &watcher{r: r, peak: peak} }

type watcher struct {
	r    io.Reader
	n    int
	peak *uint64
}

func (w *watcher) Read(p []byte) (int, error) {
	if w.n++; w.n%64 == 0 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		*w.peak = max(*w.peak, m.HeapInuse)
	}
	return w.r.Read(p)
}

func TestSBOMsThatMeanHarmAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   io.Reader
		want string
	}{
		"a text without end":  {repeated(`{"bomFormat":"`, "x", 20<<20, `"}`), "more than 16777216 bytes"},
		"nested components":   {repeated(`{"bomFormat":"CycloneDX","components":[`, `{"components":[`, 200, ""), "in each other"},
		"nested arrays":       {repeated(`{"x":`, `[`, 20_000, ""), "in each other"},
		"nested elements":     {repeated(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4">`, `<x>`, 2000, ""), "in each other"},
		"an entity":           {strings.NewReader(`<!DOCTYPE bom [<!ENTITY a SYSTEM "file:///etc/passwd">]><bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component><purl>&a;</purl></component></components></bom>`), "entity"},
		"half a bom":          {strings.NewReader(`<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>`), ""},
		"a text for an array": {strings.NewReader(`{"bomFormat":"CycloneDX","components":"x"}`), "array"},
		"a number for a text": {strings.NewReader(`{"bomFormat":7}`), "text"},
	} {
		if _, err := SBOM(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a component was made from is named inside it, and is not what it is.
func TestAPedigreeIsNotInstalled(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"XML": `<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components><component type="library"><name>a</name><purl>pkg:pypi/a@1</purl><pedigree><ancestors>
			<component type="library"><name>b</name><purl>pkg:pypi/b@1</purl></component></ancestors></pedigree></component></components></bom>`,
		"JSON": cdx(`{"type":"library","name":"a","purl":"pkg:pypi/a@1","pedigree":{"ancestors":[{"type":"library","name":"b","purl":"pkg:pypi/b@1"}]}}`),
	} {
		r, err := SBOM(strings.NewReader(in))
		if got := brief(r); err != nil || len(got) != 1 || got[0] != "PyPI a  1" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
