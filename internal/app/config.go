package app

import (
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/assess"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/feed"
)

// Config of the server. Each setting can come from a YAML file (--config), from the environment (STAUNCH_ and the name in capitals)
// and from flags; later ones win. Every zero value works, except Data's.
type Config struct {
	Data         string        // folder of the database, the CA and the first login. Required
	Listen       string        // address of console, API and agents. Absent: :8443
	AgentListen  string        // address of agents alone. Absent: agents use Listen
	Database     string        // postgres://… Absent: SQLite in Data
	Feeds        string        // folder or URL laid out like the official sources, or none: nothing is fetched. Absent: the official sources
	FeedInterval time.Duration // how often a feed is fetched. Absent: the feed's own default
	FeedsWithout []string      // feeds that are not fetched, as ubuntu/vex or redhat/*. Absent: every feed that a release of the fleet has
	Names        []string      // names and addresses in the server's certificate. Absent: this machine's
	AgentURL     string        // what agents are told to call. Absent: the first name, with the agents' port
	Approvals    int           // people of DATA/allowed_signers who must sign a plan. Absent: none, the server's own key suffices
	// TooLittleMemory is what to do when a fleet is reckoned not to fit: refuse or start. Absent: refuse
	TooLittleMemory string
	LogFormat       string     // text or json. Absent: text
	LogLevel        slog.Level // debug, info, warn or error. Absent: info

	// Not settings of a user:
	Version string
	Memory  func() assess.Memory // what there is for this process. Absent: what the system says
	// Welcome is told the first login and the file it is in; it says whether it has shown it, so that the file can go. Absent: it stays.
	Welcome func(name, password, file string) (shown bool)
}

// defaultListen is all interfaces: a server that nobody can reach helps nobody, and everything but signing in needs a credential.
const defaultListen = ":8443"

// startAnyway although the fleet is reckoned not to fit.
const startAnyway = "start"

// noFeeds in place of a mirror: nothing is fetched.
const noFeeds = "none"

// setting is one entry of the table that the YAML file, the environment and the flags are read by.
type setting struct {
	key   string // in YAML; STAUNCH_KEY in the environment; the flag with - for _
	flag  string // when it is not the key
	usage string
	many  bool // takes several values: a list in YAML, commas in the environment, repeated as a flag
	set   func(c *Config, values []string) error
}

func settings() []setting {
	text := func(field func(c *Config) *string) func(*Config, []string) error {
		return func(c *Config, v []string) error {
			*field(c) = v[0]
			return nil
		}
	}
	return []setting{
		{key: "data", usage: "`folder` of the database, the CA and the first login", set: text(func(c *Config) *string { return &c.Data })},
		{key: "listen", usage: "`address` of console, API and agents (default :8443)", set: text(func(c *Config) *string { return &c.Listen })},
		{key: "agent_listen", usage: "`address` of agents alone (default: the same as --listen)", set: text(func(c *Config) *string { return &c.AgentListen })},
		{key: "database", usage: "postgres `URL` (default: SQLite in the data folder); better in STAUNCH_DATABASE, where other users do not see it", set: text(func(c *Config) *string { return &c.Database })},
		{key: "feeds", usage: "`folder or URL` of a mirror of the feeds, or none: nothing is fetched, and feeds come by import (default: the official sources)", set: text(func(c *Config) *string { return &c.Feeds })},
		{key: "feed_interval", usage: "how often a feed is fetched, as 6h (default: the feed's own)", set: func(c *Config, v []string) error {
			d, err := time.ParseDuration(v[0])
			if err != nil || d < time.Minute {
				return fault.New(fault.Invalid, "%q is not a duration of a minute or more, like 6h", v[0])
			}
			c.FeedInterval = d
			return nil
		}},
		{key: "feeds_without", flag: "feed-without", many: true, usage: "`feed` that is not fetched, as ubuntu/vex or redhat/*, repeatable (default: every feed of the fleet's releases is)", set: func(c *Config, v []string) error {
			c.FeedsWithout = v
			return feed.CheckWithout(v)
		}},
		{key: "names", flag: "name", many: true, usage: "`name` or address in the server's certificate, repeatable (default: this machine's)", set: func(c *Config, v []string) error {
			c.Names = v
			return nil
		}},
		{key: "agent_url", usage: "`URL` that agents are told to call (default: the first name)", set: text(func(c *Config) *string { return &c.AgentURL })},
		{key: "approvals", usage: "how many people of DATA/allowed_signers must sign a plan (default 0: the server's own key suffices)", set: func(c *Config, v []string) error {
			n, err := strconv.Atoi(v[0])
			if err != nil || n < 0 || n > 20 {
				return fault.New(fault.Invalid, "%q is not a number from 0 to 20", v[0])
			}
			c.Approvals = n
			return nil
		}},
		{key: "too_little_memory", usage: "refuse or start: what to do when the fleet is reckoned to need more memory than there is (default refuse, with exit code 7)", set: func(c *Config, v []string) error {
			if v[0] != "refuse" && v[0] != startAnyway {
				return fault.New(fault.Invalid, "%q is neither refuse nor start", v[0])
			}
			c.TooLittleMemory = v[0]
			return nil
		}},
		{key: "log_format", usage: "text or json (default text)", set: text(func(c *Config) *string { return &c.LogFormat })},
		{key: "log_level", usage: "debug, info, warn or error (default info)", set: func(c *Config, v []string) error {
			if c.LogLevel.UnmarshalText([]byte(v[0])) != nil {
				return fault.New(fault.Invalid, "%q is not one of debug, info, warn, error", v[0])
			}
			return nil
		}},
	}
}

// fromEnv applies the environment.
func (c *Config) fromEnv(getenv func(string) string) error {
	for _, s := range settings() {
		name := "STAUNCH_" + strings.ToUpper(s.key)
		value := getenv(name)
		if value == "" {
			continue
		}
		values := []string{value}
		if s.many {
			values = strings.Split(value, ",")
		}
		if err := s.set(c, values); err != nil {
			return fault.Wrap(err, fault.Invalid, "%s: %s", name, fault.Message(err))
		}
	}
	return nil
}

// complete checks what was given and fills in what was not.
func (c *Config) complete(hostNames func() []string) error {
	if c.Data == "" {
		return fault.New(fault.Invalid, "no data folder: give --data DIR")
	}
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	for _, l := range []struct{ name, addr string }{{"listen", c.Listen}, {"agent_listen", c.AgentListen}} {
		if _, _, err := net.SplitHostPort(l.addr); err != nil && l.addr != "" {
			return fault.New(fault.Invalid, "%s: %q is not HOST:PORT or :PORT", l.name, l.addr)
		}
	}
	switch c.LogFormat {
	case "":
		c.LogFormat = "text"
	case "text", "json":
	default:
		return fault.New(fault.Invalid, "log_format: %q is neither text nor json", c.LogFormat)
	}
	if c.AgentURL != "" {
		if u, err := url.Parse(c.AgentURL); err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
			return fault.New(fault.Invalid, "agent_url: not an address like https://patch.example.org:8443")
		}
	}
	if c.Database != "" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		return fault.New(fault.Invalid, "database: not a postgres:// URL") // not repeated: it may hold a password
	}
	for _, n := range c.Names {
		if strings.TrimSpace(n) == "" || len(n) > 253 || strings.ContainsAny(n, " /@,") {
			return fault.New(fault.Invalid, "names: %q is not a host name or an address", n)
		}
	}
	if len(c.Names) == 0 {
		c.Names = withListenAddress(hostNames(), c.Listen, c.AgentListen)
	}
	return nil
}

// withListenAddress adds the hosts of listen addresses that name one.
func withListenAddress(names []string, addresses ...string) []string {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if ip := net.ParseIP(host); err == nil && host != "" && (ip == nil || !ip.IsUnspecified()) {
			names = append([]string{host}, without(names, host)...)
		}
	}
	return names
}

func without(names []string, name string) []string {
	kept := make([]string, 0, len(names))
	for _, n := range names {
		if n != name {
			kept = append(kept, n)
		}
	}
	return kept
}
