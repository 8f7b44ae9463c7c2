package apiv1

import "time"

// LoginRequest starts a console session.
type LoginRequest struct {
	Username string `json:"username" minLength:"1" maxLength:"128"`
	Password string `json:"password" minLength:"1" maxLength:"1024"`
}

// Session is who the caller is.
type Session struct {
	User               string     `json:"user"`
	Role               string     `json:"role" enum:"admin,operator,viewer"`
	MustChangePassword bool       `json:"must_change_password" doc:"Until then every other operation is refused"`
	Expires            *time.Time `json:"expires,omitempty"`
	Server             ServerInfo `json:"server"`
}

// ServerInfo is what a client may know of the server.
type ServerInfo struct {
	Version       string `json:"version"`
	CAFingerprint string `json:"ca_fingerprint" doc:"sha256 of the CA certificate, lower-case hex"`
	AgentURL      string `json:"agent_url" doc:"What to give staunch-agent enroll --server"`
}

// ChangePassword replaces the caller's password.
type ChangePassword struct {
	Current string `json:"current" minLength:"1" maxLength:"1024"`
	New     string `json:"new" minLength:"12" maxLength:"1024" doc:"At least 12 characters"`
}

// CreateToken asks for an API token, with a session or with a name and a password.
type CreateToken struct {
	Name string `json:"name" minLength:"1" maxLength:"128" doc:"What it is for, as cli on laptop"`
	TTL  string `json:"ttl,omitempty" doc:"Go duration; default 2160h (90 days)"`
}

// Token is an API token; Secret is present only in the answer that made it.
type Token struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	User     string     `json:"user"`
	Secret   string     `json:"secret,omitempty"`
	Created  time.Time  `json:"created"`
	Expires  time.Time  `json:"expires"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	Revoked  bool       `json:"revoked"`
}

// TokenList lists API tokens.
type TokenList struct {
	Items []Token `json:"items"`
}

// CreateEnrollToken asks for an enroll-token.
type CreateEnrollToken struct {
	Labels  map[string]string `json:"labels,omitempty"`
	TTL     string            `json:"ttl,omitempty" doc:"Go duration up to 24h; default 1h"`
	Uses    int               `json:"uses,omitempty" minimum:"0" maximum:"10000" doc:"Default 1"`
	Approve *bool             `json:"approve,omitempty" doc:"Approve its hosts at once; default true for one use, false for more"`
}

// EnrollToken is an enroll-token; Token is present only in the answer that made it.
type EnrollToken struct {
	ID       string            `json:"id"`
	Token    string            `json:"token,omitempty" doc:"id.secret.sha256-of-ca"`
	Labels   map[string]string `json:"labels"`
	Approve  bool              `json:"approve"`
	Uses     int               `json:"uses"`
	UsesLeft int               `json:"uses_left"`
	Created  time.Time         `json:"created"`
	By       string            `json:"by"`
	Expires  time.Time         `json:"expires"`
	Revoked  bool              `json:"revoked"`
	Command  string            `json:"command,omitempty" doc:"What to paste on the host; it reads the token from standard input"`
}

// EnrollTokenList lists enroll-tokens.
type EnrollTokenList struct {
	Items []EnrollToken `json:"items"`
}

// FeedStatus is one feed: what it last gave, and how old that is.
type FeedStatus struct {
	Name        string        `json:"name" doc:"As osv/Debian, kev"`
	URL         string        `json:"url,omitempty"`
	Records     int           `json:"records"`
	Skipped     int           `json:"skipped" doc:"Records of the last import that did not parse"`
	Problems    []FeedProblem `json:"problems" doc:"The first hundred of them"`
	AsOf        *time.Time    `json:"as_of,omitempty" doc:"Last time the source answered, changed or not"`
	Changed     *time.Time    `json:"changed,omitempty" doc:"Last time its contents changed"`
	LastAttempt *time.Time    `json:"last_attempt,omitempty"`
	Error       string        `json:"error,omitempty" doc:"Of the last attempt; the last good data stays in place"`
	Next        *time.Time    `json:"next,omitempty"`
	Title       string        `json:"title,omitempty" doc:"What it is, in words"`
	Support     string        `json:"support" enum:"supported,not supported" doc:"Not supported: no test on real samples of this source passes, so nothing is read from it"`
	Reason      string        `json:"reason,omitempty" doc:"Why it is not supported"`
	FixesOnly   bool          `json:"fixes_only,omitempty" doc:"It names what was fixed and nothing else: what it does not name may be there, unfixed"`
	Absent      bool          `json:"absent,omitempty" doc:"Its source, as a mirror that has some feeds alone, does not have it and never had: no failure; it is asked again"`
	Means       string        `json:"means,omitempty" doc:"Of a feed that was never fetched: what is not known because of that"`
}

// FeedProblem names a record that was skipped.
type FeedProblem struct {
	Record string `json:"record"`
	Reason string `json:"reason"`
}

// FeedList lists feeds.
type FeedList struct {
	Items       []FeedStatus `json:"items"`
	NotAssessed []ReleaseGap `json:"not_assessed" doc:"Releases of present hosts of which no feed speaks, those of most hosts first, the first fifty. Of an import: none are listed"`
	More        int          `json:"not_assessed_more,omitempty" doc:"How many such releases there are beside those"`
}

// What a server does with feeds.
const (
	FeedFetching  = "fetching"
	FeedChecking  = "checking"
	FeedWriting   = "writing"
	FeedExporting = "exporting"
	FeedPacking   = "packing"
)

// FeedWork is what the server does with feeds now, one thing at a time.
type FeedWork struct {
	Doing   string     `json:"doing,omitempty" enum:"fetching,checking,writing,exporting,packing" doc:"Absent: nothing"`
	Feed    string     `json:"feed,omitempty"`
	Records int        `json:"records,omitempty" doc:"So far"`
	About   int        `json:"about,omitempty" doc:"How many records there will be, as far as that is known"`
	At      int        `json:"at,omitempty" doc:"Of several feeds that came together, which one this is, from 1"`
	Of      int        `json:"of,omitempty"`
	Since   *time.Time `json:"since,omitempty"`
}

// ReleaseGap is a release that hosts have and no feed speaks of: they are not assessed.
type ReleaseGap struct {
	Release string `json:"release" doc:"As the hosts name it"`
	Hosts   int    `json:"hosts"`
	Reason  string `json:"reason"`
}

// ContentBundle is the media type of a bundle of feeds.
const ContentBundle = "application/vnd.staunch.bundle"

// HeaderSigner names the public key that signed an exported bundle, as one line of authorized_keys.
const HeaderSigner = "Staunch-Signer"

// BundleImport is what became of a bundle of feeds.
type BundleImport struct {
	Signer   string       `json:"signer" doc:"Fingerprint of the key that signed it, as SHA256:…"`
	SignedBy string       `json:"signed_by" doc:"As whom that key is trusted here"`
	Created  time.Time    `json:"created"`
	Items    []FeedStatus `json:"items" doc:"Each feed of the bundle; error says why one was refused, and its data stayed as it was"`
}

// UpdateFeeds asks for feeds to be fetched now; empty means all.
type UpdateFeeds struct {
	Names []string `json:"names,omitempty"`
}

// Event is one entry of the append-only log.
type Event struct {
	Seq   int64             `json:"seq"`
	At    time.Time         `json:"at"`
	Kind  string            `json:"kind"`
	Actor string            `json:"actor" doc:"user:NAME, host:ID or server"`
	Host  string            `json:"host,omitempty"`
	Text  string            `json:"text"`
	Data  map[string]string `json:"data"`
}

// EventPage is a page of events, newest first.
type EventPage struct {
	Items []Event `json:"items"`
	Next  string  `json:"next,omitempty"`
}

// LiveMessage is what server-sent events carry: what kind of thing changed, so that a page asks again for what it shows.
type LiveMessage struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind" enum:"host,presence,feed,advisory,token,event,plan,rollout,resync"`
	Ref  string `json:"ref,omitempty"`
}
