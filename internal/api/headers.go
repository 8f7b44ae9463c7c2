package api

import (
	"net/http"
	"strings"

	"github.com/staunch-dev/staunch/internal/fault"
)

// policy allows what the console is built of and nothing else: its own scripts and styles (Vite emits files, never inline ones), its own
// fetches, images it draws as data.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure sets the headers of everything that a browser may see.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		if strings.HasPrefix(r.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		next.ServeHTTP(w, r)
	})
}

// refuseCrossSite stops requests that another site's page makes with the user's cookie. SameSite=Strict already keeps the cookie
// off them; this also covers sibling subdomains, which are the same site.
func (a *API) refuseCrossSite(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.crossSite.Check(r); err != nil {
			writeProblem(w, r, fault.Wrap(err, fault.Forbidden, "the request comes from a page of another site"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// notFoundAsProblem answers paths below prefix that no operation has, and methods that a path does not have, as problems: the mux
// would answer in plain text.
func notFoundAsProblem(mux *http.ServeMux, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(&plainErrors{ResponseWriter: w, r: r, on: strings.HasPrefix(r.URL.Path, prefix)}, r)
	})
}

// plainErrors replaces the mux's own 404 and 405, recognised by their plain text, with problems.
type plainErrors struct {
	http.ResponseWriter
	r        *http.Request
	on       bool
	replaced bool
}

func (w *plainErrors) WriteHeader(status int) {
	plain := strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain")
	if w.on && plain && (status == http.StatusNotFound || status == http.StatusMethodNotAllowed) {
		w.replaced = true
		m := problem(w.r.Context(), fault.New(fault.NotFound, "there is no operation %s %q", clip(w.r.Method, 20), clip(w.r.URL.Path, 200)))
		m.Status, m.Title = status, http.StatusText(status)
		writeModel(w.ResponseWriter, m)
		return
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *plainErrors) Write(b []byte) (int, error) {
	if w.replaced {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (w *plainErrors) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrongDoor tells a client that came to the agent operations without the agents' protocol.
func wrongDoor(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, r, fault.New(fault.NotFound, "agents must offer the TLS protocol staunch-agent/1"))
}
