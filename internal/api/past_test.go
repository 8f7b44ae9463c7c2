package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
)

// pastAsked keeps what time lists were asked about.
type pastAsked struct {
	Assess
	past assess.Past
	host string
}

func (p *pastAsked) Hosts(_ context.Context, q assess.Query) (apiv1.HostPage, error) {
	p.past = q.Past
	return apiv1.HostPage{}, nil
}

func (p *pastAsked) Overview(_ context.Context, q assess.Query) (apiv1.Overview, error) {
	p.past = q.Past
	return apiv1.Overview{}, nil
}

func (p *pastAsked) Findings(_ context.Context, q assess.Query) (apiv1.FindingPage, error) {
	p.past = q.Past
	return apiv1.FindingPage{}, nil
}

func (p *pastAsked) Vulnerabilities(_ context.Context, q assess.Query) (apiv1.VulnPage, error) {
	p.past = q.Past
	return apiv1.VulnPage{}, nil
}

func (p *pastAsked) Vulnerability(_ context.Context, _ string, q assess.Query) (apiv1.VulnDetail, error) {
	p.past = q.Past
	return apiv1.VulnDetail{}, nil
}

func (p *pastAsked) Updates(_ context.Context, q assess.Query) (apiv1.FleetUpdatePage, error) {
	p.past = q.Past
	return apiv1.FleetUpdatePage{}, nil
}

// Every list of what is wrong can be asked about a time.
func TestListsAreAskedAboutThePast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bearer := []string{"Authorization", "Bearer " + b.token(t, access.Viewer)}
	asked := &pastAsked{}
	b.api.Assess, b.api.Feed = asked, noFeeds{}
	then := assess.Past{At: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Hindsight: true}
	for _, path := range []string{"/api/v1/hosts", "/api/v1/overview", "/api/v1/findings", "/api/v1/vulnerabilities", "/api/v1/vulnerabilities/CVE-2026-1", "/api/v1/updates"} {
		for query, want := range map[string]assess.Past{"": {}, "?as_of=2020-01-02T03:04:05Z&hindsight=true": then} {
			asked.past = assess.Past{At: time.Unix(1, 0)}
			if w := b.do(t, http.MethodGet, path+query, "", bearer...); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", path+query, w.Code, w.Body)
			}
			if diff := cmp.Diff(want, asked.past); diff != "" {
				t.Errorf("%s: %s", path+query, diff)
			}
		}
		decode[apiv1.Problem](t, b.do(t, http.MethodGet, path+"?as_of=yesterday", "", bearer...), 422)
	}
}

// full has no room for the past.
type full struct{ pastAsked }

func (*full) Overview(context.Context, assess.Query) (apiv1.Overview, error) {
	return apiv1.Overview{}, fmt.Errorf("reading the past: %w", fault.New(fault.NoRoom, "too little memory"))
}

// What does not fit into the server's memory has a status of its own, and its sentence reaches whoever asked.
func TestAPastThatDoesNotFitHasItsStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.Assess, b.api.Feed = &full{}, noFeeds{}
	w := b.do(t, http.MethodGet, "/api/v1/overview?as_of=2020-01-02T03:04:05Z", "", "Authorization", "Bearer "+b.token(t, access.Viewer))
	if p := decode[apiv1.Problem](t, w, 507); p.Type != apiv1.ProblemPrefix+"no_room" || p.Detail != "too little memory" {
		t.Errorf("%+v", p)
	}
}

// What is now is never told as what was then: a time that names none is refused, whatever it looks like.
func TestATimeThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bearer := []string{"Authorization", "Bearer " + b.token(t, access.Viewer)}
	asked := &pastAsked{}
	b.api.Assess, b.api.Feed = asked, noFeeds{}
	for _, path := range []string{"/api/v1/hosts", "/api/v1/overview", "/api/v1/findings", "/api/v1/vulnerabilities", "/api/v1/vulnerabilities/CVE-2026-1", "/api/v1/updates", "/api/v1/hosts/web1/findings"} {
		for _, asOf := range []string{"", "0001-01-01T00:00:00Z", "2026-07-01", "2026-02-30T00:00:00Z", "2026-07-01T12:00:00", "2026-07-01T12:00:00+02:00"} { // the plus of the last is a space
			decode[apiv1.Problem](t, b.do(t, http.MethodGet, path+"?as_of="+asOf, "", bearer...), 422)
		}
	}
	for text, want := range map[string]time.Time{
		"2020-01-02T03:04:05%2B02:00":    time.Date(2020, 1, 2, 1, 4, 5, 0, time.UTC),
		"2020-01-02T03:04:05.123456789Z": time.Date(2020, 1, 2, 3, 4, 5, 123_456_000, time.UTC), // as exact as what is stored
	} {
		if w := b.do(t, http.MethodGet, "/api/v1/overview?as_of="+text, "", bearer...); w.Code != http.StatusOK || !asked.past.At.Equal(want) {
			t.Errorf("%s: %d, %s", text, w.Code, asked.past.At)
		}
	}
}

func (p *pastAsked) HostFindings(_ context.Context, host string, q assess.Query) (apiv1.FindingPage, error) {
	p.past, p.host = q.Past, host
	return apiv1.FindingPage{}, nil
}

// Of the past a host is asked for as it was named: today's hosts are other ones.
func TestAHostOfThePastNeedNotExistToday(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bearer := []string{"Authorization", "Bearer " + b.token(t, access.Viewer)}
	asked := &pastAsked{}
	b.api.Assess, b.api.Feed = asked, noFeeds{}
	if w := b.do(t, http.MethodGet, "/api/v1/hosts/gone1/findings?as_of=2020-01-02T03:04:05Z", "", bearer...); w.Code != http.StatusOK || asked.host != "gone1" {
		t.Errorf("%d %s, asked for %q", w.Code, w.Body, asked.host)
	}
	decode[apiv1.Problem](t, b.do(t, http.MethodGet, "/api/v1/hosts/gone1/findings", "", bearer...), 404)
}
