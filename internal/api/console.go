package api

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// newConsole serves the built console. Files below assets/ have a hash in their name and never change; index.html is never cached,
// so that a new server shows a new console. A path that is a page of the console gets the index. Answers are compressed: they are the same
// for everyone and hold no secret, so their length tells nothing.
func newConsole(files fs.FS) http.Handler {
	return gzhttp.GzipHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := recordOf(r.Context())
		rec.operation = "console"
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			plain(w, http.StatusMethodNotAllowed, "method not allowed\n")
			return
		}
		if files == nil {
			plain(w, http.StatusOK, "console not built: make web\n")
			return
		}
		name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
		switch info, err := fs.Stat(files, name); {
		case name == "" || name == "index.html" || err != nil && isPage(name):
			serveIndex(w, r, files)
		case err != nil || info.IsDir() || strings.HasPrefix(path.Base(name), "."):
			plain(w, http.StatusNotFound, "not found\n")
		default:
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			} else {
				w.Header().Set("Cache-Control", "no-cache")
			}
			http.ServeFileFS(w, r, files, name)
		}
	}))
}

// isPage reports whether a path that is no file is a page: one without an extension, or one that ends in a name from outside, which may have
// dots, as hosts/web1.example.org.
func isPage(name string) bool {
	return path.Ext(name) == "" || strings.HasPrefix(name, "hosts/") || strings.HasPrefix(name, "vulnerabilities/")
}

// serveIndex does not use http.ServeFileFS: it would redirect /index.html and offer a modification time to cache by.
func serveIndex(w http.ResponseWriter, _ *http.Request, files fs.FS) {
	body, err := fs.ReadFile(files, "index.html")
	if err != nil {
		plain(w, http.StatusNotFound, "not found\n")
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}
