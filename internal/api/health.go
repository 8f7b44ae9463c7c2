package api

import (
	"net"
	"net/http"

	"github.com/staunch-dev/staunch/internal/fault"
)

// healthz says that the process answers; nothing else is looked at.
func (a *API) healthz(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).operation = "healthz"
	plain(w, http.StatusOK, "ok\n")
}

// readyz says that requests can be answered well: the index is loaded and the database answers. The reason goes to the log.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).operation = "readyz"
	if err := a.Ready(); err != nil {
		recordOf(r.Context()).fail(fault.Wrap(err, fault.Unavailable, "not ready"))
		plain(w, http.StatusServiceUnavailable, "not ready\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

// metrics are for this machine, or for whoever has an API token.
func (a *API) metrics(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).operation = "metrics"
	if a.Metrics == nil {
		http.NotFound(w, r)
		return
	}
	if ip := net.ParseIP(recordOf(r.Context()).remote); ip == nil || !ip.IsLoopback() {
		c, err := a.identify(r.Context(), r)
		if err == nil {
			err = permit(needViewer, c.user)
		}
		if err != nil {
			writeProblem(w, r, err)
			return
		}
	}
	a.Metrics.ServeHTTP(w, r)
}

// openapi is the document the server was built with.
func (a *API) openapi(w http.ResponseWriter, r *http.Request) {
	recordOf(r.Context()).operation = "openapi"
	body, err := a.doc.YAML()
	if err != nil {
		writeProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(body)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}
