package fleet

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/fault"
	"pgregory.net/rapid"
)

func TestSelectorMatches(t *testing.T) {
	t.Parallel()
	host := map[string]string{"env": "prod", "role": "web", "empty": "", KeyHostOS: "Debian GNU/Linux 12 (bookworm)", KeyHostName: "web1"}
	for selector, want := range map[string]bool{
		"":                        true,
		"  ":                      true,
		"env=prod":                true,
		"env==prod":               true,
		"env = prod , role = web": true,
		"env=prod,role=db":        false,
		"env!=prod":               false,
		"env!=test":               true,
		"site!=here":              true, // a host without the key differs from every value
		"role in (web,api)":       true,
		"role in(db)":             false,
		"role notin (web,api)":    false,
		"site notin (here)":       true,
		"env":                     true,
		"site":                    false,
		"!site":                   true,
		"! env":                   false,
		"empty=":                  true,
		`empty=""`:                true,
		"env=":                    false,
		"host.name=web1":          true,
		`host.os="Debian GNU/Linux 12 (bookworm)"`: true,
	} {
		t.Run(selector, func(t *testing.T) {
			t.Parallel()
			s, err := ParseSelector(selector)
			if err != nil {
				t.Fatal(err)
			}
			got := s.Matches(func(key string) (string, bool) { v, ok := host[key]; return v, ok })
			if got != want {
				t.Errorf("matches = %v, want %v", got, want)
			}
		})
	}
}

func TestSelectorErrorsSayWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"env=a b":                 "selector: at character 7: expected ',' or end, got \"b\"",
		"env in":                  "selector: at character 7: expected '(', got end",
		"env in (a b)":            "selector: at character 11: expected ',' or ')', got \"b)\"",
		"env in (a":               "selector: at character 10: expected ',' or ')', got end",
		",":                       "selector: at character 1: expected a label key, got \",\"",
		"a,":                      "selector: at character 3: expected a label key, got end",
		"!":                       "selector: at character 2: expected a label key, got end",
		"a inn (b)":               "selector: at character 3: expected one of = != in notin, or ',' or end, got \"inn (b)\"",
		`a="b`:                    "selector: at character 3: this quote is never closed",
		`a="b\n"`:                 "selector: at character 6: expected \" or \\ after \\, got \"n\\\"\"",
		"host.nane=x":             "selector: at character 1: there is no key \"host.nane\"; below \"host.\" are host.arch, host.assessed, host.failed-units, host.lifecycle, host.metadata, host.name, host.online, host.os, host.reboot, host.security-updates, host.state, host.updates",
		"a=\"\x1b\"":              "selector: at character 3: the value has characters that cannot be printed",
		"é=1":                     "selector: at character 1: expected a label key, got \"é=1\"",
		"a=\xff":                  "selector: not UTF-8",
		"a=b=c":                   "selector: at character 4: expected ',' or end, got \"=c\"",
		strings.Repeat("a", 5000): "selector: longer than 4096 bytes",
	} {
		t.Run(clip(text), func(t *testing.T) {
			t.Parallel()
			_, err := ParseSelector(text)
			if !errors.Is(err, fault.Invalid) || fault.Message(err) != want {
				t.Errorf("error %v\nwant  %s", err, want)
			}
		})
	}
}

// Whatever can be a label can be selected, and a selector reads back from its own text.
func TestSelectorReadsItsOwnText(t *testing.T) {
	t.Parallel()
	key := rapid.StringMatching(`[A-Za-z0-9._/-]{1,20}`).Filter(func(k string) bool { return !strings.HasPrefix(k, "host.") })
	value := rapid.String().Filter(func(v string) bool { return valueProblem(v) == "" })
	rapid.Check(t, func(t *rapid.T) {
		var terms []string
		for range rapid.IntRange(1, 5).Draw(t, "terms") {
			k := key.Draw(t, "key")
			switch rapid.IntRange(0, 4).Draw(t, "op") {
			case 0:
				terms = append(terms, k)
			case 1:
				terms = append(terms, "!"+k)
			case 2:
				terms = append(terms, k+" notin ( "+quoteValue(value.Draw(t, "v"))+" , "+quoteValue(value.Draw(t, "w"))+")")
			case 3:
				terms = append(terms, k+" != "+quoteValue(value.Draw(t, "v")))
			default:
				v := value.Draw(t, "v")
				terms = append(terms, Labels{k: v}.String())
				one, err := ParseSelector(terms[len(terms)-1])
				if err != nil || !one.Matches(func(asked string) (string, bool) { return v, asked == k }) {
					t.Fatalf("a label's own text does not select it: %q=%q: %v", k, v, err)
				}
			}
		}
		readsBack(t, strings.Join(terms, " , "))
	})
}

func FuzzParseSelector(f *testing.F) {
	for _, seed := range []string{"", "env=prod,role in (web,api),!site", `a="x\"\\"`, "host.os!=b", "a notin (b,b,)", "in in (in)", "!", "a==b", "\x00", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseSelector(text); err != nil {
			if !errors.Is(err, fault.Invalid) {
				t.Fatalf("not Invalid: %v", err)
			}
			return
		}
		// Quoting and the spaces of sets may make the text longer than a selector may be.
		if len(text) < maxSelector/4 {
			readsBack(t, text)
		}
	})
}

func readsBack(t interface{ Fatalf(string, ...any) }, text string) {
	s, err := ParseSelector(text)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	again, err := ParseSelector(s.String())
	if err != nil {
		t.Fatalf("%q gives %q, which does not parse: %v", text, s, err)
	}
	if !reflect.DeepEqual(again, s) || again.String() != s.String() {
		t.Fatalf("%q gives %q, which gives %q", text, s, again)
	}
}

func TestLabelsValidate(t *testing.T) {
	t.Parallel()
	many := Labels{}
	for _, r := range strings.Repeat("abcdefgh", 9) {
		many[string(r)+string(rune('0'+len(many)%10))+string(rune('a'+len(many)/10))] = "x"
	}
	for name, tc := range map[string]struct {
		labels Labels
		want   string // "" is valid
	}{
		"none":              {nil, ""},
		"ordinary":          {Labels{"env": "prod", "staunch.dev/site_1": "Zürich 2"}, ""},
		"empty value":       {Labels{"spare": ""}, ""},
		"empty key":         {Labels{"": "x"}, "is empty"},
		"space in key":      {Labels{"a b": "x"}, "may have letters"},
		"reserved":          {Labels{"host.name": "x"}, "is reserved"},
		"long key":          {Labels{strings.Repeat("k", 64): "x"}, "longer than 63"},
		"long value":        {Labels{"k": strings.Repeat("v", 254)}, "longer than 253"},
		"escape in value":   {Labels{"k": "\x1b[31m"}, "cannot be printed"},
		"newline in value":  {Labels{"k": "a\nb"}, "cannot be printed"},
		"broken utf8":       {Labels{"k": "\xff"}, "not UTF-8"},
		"more than sixty-4": {many, "are too many"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.labels.Validate()
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tc.want != "" && (!errors.Is(err, fault.Invalid) || !strings.Contains(fault.Message(err), tc.want)):
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestLabelsStringIsSorted(t *testing.T) {
	t.Parallel()
	if got := (Labels{"b": "2", "a": "x y", "c": ""}).String(); got != `a="x y",b=2,c=""` {
		t.Error(got)
	}
}
