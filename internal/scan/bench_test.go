package scan

import (
	"bytes"
	"path/filepath"
	"testing"
)

// BenchmarkScan is a whole scan with compiled feeds, without the start of the process.
func BenchmarkScan(b *testing.B) {
	data := shared(b)
	root := b.TempDir()
	put(b, filepath.Join(root, "var/lib/dpkg/status"), read(b, filepath.Join(data, "debian12/dpkg-status")))
	put(b, filepath.Join(root, "etc/os-release"), []byte(debian12))
	opts := Options{Root: root, Feeds: filepath.Join(data, "feeds"), Cache: filepath.Join(b.TempDir(), "cache")}
	for _, format := range formats() {
		b.Run(format, func(b *testing.B) {
			opts := opts
			opts.Brief = format == "table"
			warm, err := scan(b.Context(), opts)
			if err != nil {
				b.Fatal(err)
			}
			warm.close()
			b.ReportAllocs()
			for b.Loop() {
				s, err := scan(b.Context(), opts)
				if err != nil {
					b.Fatal(err)
				}
				var out bytes.Buffer
				if err := write(&out, s, format, "test"); err != nil {
					b.Fatal(err)
				}
				s.close()
			}
		})
	}
}
