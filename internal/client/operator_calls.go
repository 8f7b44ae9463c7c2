package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// List is what lists take. Zero fields are not sent, so the server's defaults hold. Limit is the size of one page, up to 1000;
// Priority and Source are for findings and vulnerabilities, State is for hosts. MinSeq asks for an answer that includes this change.
type List struct {
	Selector, Search, Sort  string
	Desc                    bool
	Limit                   int
	Cursor                  string
	Priority, Source, State string
	MinSeq                  int64
	AsOf                    time.Time // zero: now
	Hindsight               bool
}

func (l List) values() url.Values {
	v := url.Values{}
	for key, value := range map[string]string{
		"selector": l.Selector, "q": l.Search, "sort": l.Sort, "cursor": l.Cursor, "priority": l.Priority, "source": l.Source, "state": l.State,
	} {
		if value != "" {
			v.Set(key, value)
		}
	}
	if l.Desc {
		v.Set("desc", "true")
	}
	if !l.AsOf.IsZero() {
		v.Set("as_of", l.AsOf.UTC().Format(time.RFC3339Nano))
	}
	if l.Hindsight {
		v.Set("hindsight", "true")
	}
	if l.MinSeq > 0 {
		v.Set("min_seq", strconv.FormatInt(l.MinSeq, 10))
	}
	if l.Limit > 0 {
		v.Set("limit", strconv.Itoa(l.Limit))
	}
	return v
}

func hostPath(host, rest string) string { return "/api/v1/hosts/" + url.PathEscape(host) + rest }

// Session is who the token belongs to, and what the server says of itself.
func (o *Operator) Session(ctx context.Context) (apiv1.Session, error) {
	return do[apiv1.Session](ctx, o, http.MethodGet, "/api/v1/session", nil, nil)
}

// LoginToken makes an API token with a name and a password; its secret is in this answer only. ErrMustChange is in the error's
// chain when the password must be changed, which NewPassword does in the same call.
func (o *Operator) LoginToken(ctx context.Context, req apiv1.LoginToken) (apiv1.Token, error) {
	return do[apiv1.Token](ctx, o, http.MethodPost, "/api/v1/login-token", nil, req)
}

// RevokeToken ends an API token.
func (o *Operator) RevokeToken(ctx context.Context, id string) error {
	_, err := do[nothing](ctx, o, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil, nil)
	return err
}

// Overview counts over the hosts that a list's selector names, at its time.
func (o *Operator) Overview(ctx context.Context, l List) (apiv1.Overview, error) {
	return do[apiv1.Overview](ctx, o, http.MethodGet, "/api/v1/overview", List{Selector: l.Selector, AsOf: l.AsOf, Hindsight: l.Hindsight}.values(), nil)
}

// Hosts is a page of hosts.
func (o *Operator) Hosts(ctx context.Context, l List) (apiv1.HostPage, error) {
	return do[apiv1.HostPage](ctx, o, http.MethodGet, "/api/v1/hosts", l.values(), nil)
}

// Host is one host, by id or name.
func (o *Operator) Host(ctx context.Context, host string) (apiv1.HostDetail, error) {
	return do[apiv1.HostDetail](ctx, o, http.MethodGet, hostPath(host, ""), nil, nil)
}

// DeleteHost removes a host from the fleet.
func (o *Operator) DeleteHost(ctx context.Context, host string) error {
	_, err := do[nothing](ctx, o, http.MethodDelete, hostPath(host, ""), nil, nil)
	return err
}

// ApproveHost lets a pending host take part.
func (o *Operator) ApproveHost(ctx context.Context, host string) error {
	return o.tellHost(ctx, host, "/approve")
}

// RevokeHost refuses a host's certificates from now on.
func (o *Operator) RevokeHost(ctx context.Context, host string) error {
	return o.tellHost(ctx, host, "/revoke")
}

// RefreshHost asks a host to refresh its package lists and check in.
func (o *Operator) RefreshHost(ctx context.Context, host string) error {
	return o.tellHost(ctx, host, "/refresh")
}

func (o *Operator) tellHost(ctx context.Context, host, verb string) error {
	_, err := do[nothing](ctx, o, http.MethodPost, hostPath(host, verb), nil, nil)
	return err
}

// SetLabels replaces a host's labels.
func (o *Operator) SetLabels(ctx context.Context, host string, labels map[string]string) error {
	_, err := do[nothing](ctx, o, http.MethodPut, hostPath(host, "/labels"), nil, apiv1.SetLabels{Labels: labels})
	return err
}

// HostPackages is what is installed on a host.
func (o *Operator) HostPackages(ctx context.Context, host string) (apiv1.HostPackages, error) {
	return do[apiv1.HostPackages](ctx, o, http.MethodGet, hostPath(host, "/packages"), nil, nil)
}

// HostUpdates is what the host's own package manager would do now.
func (o *Operator) HostUpdates(ctx context.Context, host string) (apiv1.HostUpdates, error) {
	return do[apiv1.HostUpdates](ctx, o, http.MethodGet, hostPath(host, "/updates"), nil, nil)
}

// HostFindings is a page of what is wrong on a host.
func (o *Operator) HostFindings(ctx context.Context, host string, l List) (apiv1.FindingPage, error) {
	return do[apiv1.FindingPage](ctx, o, http.MethodGet, hostPath(host, "/findings"), l.values(), nil)
}

// HostHistory is a page of what happened to a host, newest first.
func (o *Operator) HostHistory(ctx context.Context, host string, l List) (apiv1.HistoryPage, error) {
	return do[apiv1.HistoryPage](ctx, o, http.MethodGet, hostPath(host, "/history"), l.values(), nil)
}

// Updates is a page of the fleet's updates.
func (o *Operator) Updates(ctx context.Context, l List) (apiv1.FleetUpdatePage, error) {
	return do[apiv1.FleetUpdatePage](ctx, o, http.MethodGet, "/api/v1/updates", l.values(), nil)
}

// Findings is a page of the fleet's findings.
func (o *Operator) Findings(ctx context.Context, l List) (apiv1.FindingPage, error) {
	return do[apiv1.FindingPage](ctx, o, http.MethodGet, "/api/v1/findings", l.values(), nil)
}

// Vulnerabilities is a page of vulnerabilities, worst first.
func (o *Operator) Vulnerabilities(ctx context.Context, l List) (apiv1.VulnPage, error) {
	return do[apiv1.VulnPage](ctx, o, http.MethodGet, "/api/v1/vulnerabilities", l.values(), nil)
}

// Vulnerability is one vulnerability with a page of its findings.
func (o *Operator) Vulnerability(ctx context.Context, id string, l List) (apiv1.VulnDetail, error) {
	return do[apiv1.VulnDetail](ctx, o, http.MethodGet, "/api/v1/vulnerabilities/"+url.PathEscape(id), l.values(), nil)
}

// EnrollTokens lists enroll-tokens, newest first.
func (o *Operator) EnrollTokens(ctx context.Context) (apiv1.EnrollTokenList, error) {
	return do[apiv1.EnrollTokenList](ctx, o, http.MethodGet, "/api/v1/enroll-tokens", nil, nil)
}

// CreateEnrollToken makes an enroll-token; its text is in this answer only.
func (o *Operator) CreateEnrollToken(ctx context.Context, req apiv1.CreateEnrollToken) (apiv1.EnrollToken, error) {
	return do[apiv1.EnrollToken](ctx, o, http.MethodPost, "/api/v1/enroll-tokens", nil, req)
}

// RevokeEnrollToken ends an enroll-token; its hosts stay.
func (o *Operator) RevokeEnrollToken(ctx context.Context, id string) error {
	_, err := do[nothing](ctx, o, http.MethodDelete, "/api/v1/enroll-tokens/"+url.PathEscape(id), nil, nil)
	return err
}

// Feeds is the status of each feed.
func (o *Operator) Feeds(ctx context.Context) (apiv1.FeedList, error) {
	return do[apiv1.FeedList](ctx, o, http.MethodGet, "/api/v1/feeds", nil, nil)
}

// FeedWork is what the server does with feeds now.
func (o *Operator) FeedWork(ctx context.Context) (apiv1.FeedWork, error) {
	return do[apiv1.FeedWork](ctx, o, http.MethodGet, "/api/v1/feeds/work", nil, nil)
}

// UpdateFeeds asks the server to fetch feeds now, in the background; no names means all.
func (o *Operator) UpdateFeeds(ctx context.Context, names []string) error {
	_, err := do[nothing](ctx, o, http.MethodPost, "/api/v1/feeds/update", nil, apiv1.UpdateFeeds{Names: names})
	return err
}

// ImportFeed gives a feed its data: body is the file as the feed's source has it. It is streamed.
func (o *Operator) ImportFeed(ctx context.Context, name string, body io.Reader, force bool) (apiv1.FeedStatus, error) {
	ctx, cancel := context.WithTimeout(ctx, importTimeout)
	defer cancel()
	v := url.Values{"name": {name}}
	if force {
		v.Set("force", "true")
	}
	return send[apiv1.FeedStatus](ctx, o, http.MethodPost, "/api/v1/feeds/import", v, "application/octet-stream", body)
}

// ImportFeeds gives feeds their data from a folder laid out like a mirror, as a tar. It is streamed.
func (o *Operator) ImportFeeds(ctx context.Context, tar io.Reader) (apiv1.FeedList, error) {
	ctx, cancel := context.WithTimeout(ctx, feedsTimeout)
	defer cancel()
	return send[apiv1.FeedList](ctx, o, http.MethodPost, "/api/v1/feeds/import-folder", nil, "application/x-tar", tar)
}

// ImportBundle takes in a bundle that another server exported. trust is a public key in OpenSSH's format, or empty.
func (o *Operator) ImportBundle(ctx context.Context, bundle io.Reader, trust string, force bool) (apiv1.BundleImport, error) {
	ctx, cancel := context.WithTimeout(ctx, feedsTimeout)
	defer cancel()
	v := url.Values{}
	if trust != "" {
		v.Set("trust", trust)
	}
	if force {
		v.Set("force", "true")
	}
	return send[apiv1.BundleImport](ctx, o, http.MethodPost, "/api/v1/feeds/bundle", v, apiv1.ContentBundle, bundle)
}

// ExportFeeds writes a bundle of what is known of releases to w; none: everything. It gives the public key that signed it. A bundle that was
// cut off on the way is fault.Unavailable. begins is told when the bundle is made and its bytes come, and how many (-1: not known); may be nil.
func (o *Operator) ExportFeeds(ctx context.Context, releases []string, w io.Writer, begins func(size int64)) (signer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, feedsTimeout)
	defer cancel()
	resp, err := o.open(ctx, http.MethodGet, "/api/v1/feeds/bundle", url.Values{"release": releases}, "", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.Header.Get("Content-Type") != apiv1.ContentBundle {
		return "", fault.New(fault.Unavailable, "%s does not answer like a staunch server", o.base)
	}
	if begins != nil {
		begins(resp.ContentLength)
	}
	n, err := io.Copy(w, resp.Body)
	if err != nil || resp.ContentLength >= 0 && n != resp.ContentLength {
		return "", fault.Wrap(err, fault.Unavailable, "the bundle was cut off after %d bytes", n)
	}
	return resp.Header.Get(apiv1.HeaderSigner), nil
}

// Events is a page of the log, newest first; host is an id, or empty for all.
func (o *Operator) Events(ctx context.Context, host string, l List) (apiv1.EventPage, error) {
	v := l.values()
	if host != "" {
		v.Set("host", host)
	}
	return do[apiv1.EventPage](ctx, o, http.MethodGet, "/api/v1/events", v, nil)
}
