package client

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

const (
	reportTimeout = 5 * time.Minute  // as the server allows
	exportTimeout = 15 * time.Minute // the same
	maxEventLine  = 1 << 20          // an event is some hundred bytes; its data is bounded where it is made
)

// Compliance is what was wrong on which host from when to when. Zero since leaves it to the server; worst is empty for all.
func (o *Operator) Compliance(ctx context.Context, selector string, since time.Time, worst string) (apiv1.ComplianceReport, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	v := url.Values{}
	if selector != "" {
		v.Set("selector", selector)
	}
	if !since.IsZero() {
		v.Set("since", since.UTC().Format(time.RFC3339))
	}
	if worst != "" {
		v.Set("priority", worst)
	}
	return send[apiv1.ComplianceReport](ctx, o, http.MethodGet, "/api/v1/reports/compliance", v, "", nil)
}

// Metrics are figures of a period. Zero times and an empty clock leave them to the server.
func (o *Operator) Metrics(ctx context.Context, selector string, from, to time.Time, clock string) (apiv1.Metrics, error) {
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	v := url.Values{}
	for name, text := range map[string]string{"selector": selector, "clock": clock} {
		if text != "" {
			v.Set(name, text)
		}
	}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return send[apiv1.Metrics](ctx, o, http.MethodGet, "/api/v1/reports/metrics", v, "", nil)
}

// Trend is the fleet at the end of each day. Zero times leave them to the server.
func (o *Operator) Trend(ctx context.Context, from, to time.Time) (apiv1.Trend, error) {
	v := url.Values{}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	return do[apiv1.Trend](ctx, o, http.MethodGet, "/api/v1/reports/trend", v, nil)
}

// VerifyEvents lets the server go through its own log.
func (o *Operator) VerifyEvents(ctx context.Context) (apiv1.EventVerification, error) {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	return send[apiv1.EventVerification](ctx, o, http.MethodGet, "/api/v1/events/verify", nil, "", nil)
}

// ExportEvents calls each with every event after a seq, oldest first, as they arrive: the log may be larger than memory. An answer that
// was cut off is fault.Unavailable and never looks like a short log.
func (o *Operator) ExportEvents(ctx context.Context, after int64, each func(apiv1.EventRecord) error) error {
	ctx, cancel := context.WithTimeout(ctx, exportTimeout)
	defer cancel()
	resp, err := o.open(ctx, http.MethodGet, "/api/v1/events/export", url.Values{"after": {strconv.FormatInt(after, 10)}}, "", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") != apiv1.ContentNDJSON {
		return fault.New(fault.Unavailable, "%s does not answer like a staunch server", o.base)
	}
	if err := readExport(resp.Body, each); err != nil {
		return fault.Wrap(err, fault.KindOf(err), "the export of %s: %s", o.base, fault.Message(err))
	}
	return nil
}

// readExport reads a line for each event, up to the one that says that this was all.
func readExport(r io.Reader, each func(apiv1.EventRecord) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEventLine)
	for lines.Scan() {
		var e apiv1.EventRecord
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fault.Wrap(err, fault.Unavailable, "a line is cut off or not JSON")
		}
		if e.Seq == 0 {
			return nil
		}
		if err := each(e); err != nil {
			return err
		}
	}
	return fault.Wrap(lines.Err(), fault.Unavailable, "it was cut off")
}
