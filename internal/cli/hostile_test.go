package cli_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/staunch-dev/staunch/internal/api"
	"github.com/staunch-dev/staunch/internal/cli"
)

// harm is a text that clears a terminal, names its window, turns text round, ends lines and is no UTF-8.
const harm = "x\x1b[2J\x1b]0;owned\x07\u009b31m\u202e\u2028\r\n\x08\x7f\xff=cmd|' /C calc'!A0"

// schema is what an answer looks like, as the API's document has it.
type schema struct {
	Ref        string             `yaml:"$ref"`
	Type       any                `yaml:"type"`
	Format     string             `yaml:"format"`
	Properties map[string]*schema `yaml:"properties"`
	Items      *schema            `yaml:"items"`
	Additional any                `yaml:"additionalProperties"`
	Enum       []any              `yaml:"enum"`
}

type document struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct {
				Schema *schema `yaml:"schema"`
			} `yaml:"content"`
		} `yaml:"responses"`
	} `yaml:"paths"`
	Components struct {
		Schemas map[string]*schema `yaml:"schemas"`
	} `yaml:"components"`
}

// lie makes an answer of a shape, in which every text is harm. words: what has a few known words has the first of them instead, so that
// what is shown only for that is shown.
func (d *document) lie(s *schema, words bool, depth int) any {
	if s == nil || depth > 12 {
		return nil
	}
	if s.Ref != "" {
		return d.lie(d.Components.Schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]], words, depth+1)
	}
	kind := fmt.Sprint(s.Type)
	switch {
	case strings.Contains(kind, "object"):
		out := map[string]any{}
		for name, p := range s.Properties {
			out[name] = d.lie(p, words, depth+1)
		}
		if s.Additional != nil && s.Additional != false {
			out[harm] = harm
		}
		delete(out, "next") // one page
		return out
	case strings.Contains(kind, "array"):
		return []any{d.lie(s.Items, words, depth+1), d.lie(s.Items, words, depth+1)}
	case strings.Contains(kind, "integer"), strings.Contains(kind, "number"):
		return 7
	case strings.Contains(kind, "boolean"):
		return true
	case s.Format == "date-time":
		return "2026-01-01T00:00:00Z"
	case s.Format == "date":
		return "2026-01-01"
	case words && len(s.Enum) > 0:
		return s.Enum[0]
	}
	return harm
}

// liar is a server that is what a taken-over one could be.
func liar(t *testing.T, words, refuse bool) (url, fingerprint string) {
	t.Helper()
	text, err := api.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, methods := range doc.Paths {
		for method, op := range methods {
			mux.HandleFunc(strings.ToUpper(method)+" "+path, func(w http.ResponseWriter, _ *http.Request) {
				if refuse {
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusUnprocessableEntity)
					_ = json.NewEncoder(w).Encode(map[string]any{"type": harm, "title": harm, "detail": harm, "status": 422, "errors": []any{map[string]any{"message": harm, "location": harm, "value": harm}}})
					return
				}
				for code, r := range op.Responses {
					for kind, c := range r.Content {
						if !strings.HasPrefix(code, "2") {
							continue
						}
						w.Header().Set("Content-Type", kind)
						w.Header().Set("Staunch-Signer", strings.Map(func(r rune) rune {
							if r < ' ' || r == 0x7f {
								return -1
							}
							return r
						}, harm))
						_ = json.NewEncoder(w).Encode(doc.lie(c.Schema, words, 0))
						return
					}
				}
				w.WriteHeader(http.StatusNoContent)
			})
		}
	}
	s := httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	sum := sha256.Sum256(s.Certificate().Raw)
	return s.URL, hex.EncodeToString(sum[:])
}

// examples are the command lines that the help shows of every command.
func examples(t *testing.T) [][]string {
	t.Helper()
	var all [][]string
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		for line := range strings.Lines(c.Example) {
			line = strings.TrimSpace(line)
			args := strings.Fields(strings.ReplaceAll(line, "'", ""))
			if len(args) < 2 || args[0] != "staunch" || strings.ContainsAny(line, "|><$") || strings.Contains(line, "--watch") || strings.Contains(line, "--follow") {
				continue
			}
			switch args[1] {
			case "login", "logout", "server", "scan", "help", "completion", "vercmp":
				continue
			}
			all = append(all, args[1:])
		}
	}
	walk(cli.New(cli.Env{Stdin: strings.NewReader(""), Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Getenv: func(string) string { return "" }, Now: time.Now}))
	if len(all) < 40 {
		t.Fatalf("only %d examples", len(all))
	}
	return all
}

// unprintable is what a terminal may act on, beside the colours that we write ourselves.
func unprintable(s string) string {
	for _, ours := range []string{"\x1b[32m", "\x1b[33m", "\x1b[31m", "\x1b[2m", "\x1b[0m", "\r\x1b[K", "\r\x1b[J", "\x1b[K", "\rplan ", "\n", "\t"} {
		s = strings.ReplaceAll(s, ours, "")
	}
	for at, r := range s {
		if !utf8.ValidString(s) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) {
			return fmt.Sprintf("%q", s[max(0, at-60):min(len(s), at+20)])
		}
	}
	return ""
}

// Whatever a server says, in every command and every format, what reaches the terminal is text.
func TestNoCommandLetsAServerSpeakToTheTerminal(t *testing.T) {
	t.Chdir(t.TempDir()) // some examples write files
	said := map[string]bool{}
	for _, how := range []struct{ words, refuse bool }{{false, false}, {true, false}, {false, true}} {
		url, fingerprint := liar(t, how.words, how.refuse)
		for _, args := range examples(t) {
			for _, format := range []string{"table", "json", "csv"} {
				line := append(append([]string{}, args...), "-o", format)
				home := t.TempDir()
				env := map[string]string{"STAUNCH_URL": url, "STAUNCH_CA_FINGERPRINT": fingerprint, "STAUNCH_TOKEN": "stk_x", "HOME": home, "XDG_CONFIG_HOME": home, "TERM": "xterm"}
				var out, errs bytes.Buffer
				ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
				code := cli.Run(ctx, cli.Env{
					Stdin: strings.NewReader("yes\n"), Stdout: &out, Stderr: &errs, StdoutTerminal: true, StderrTerminal: true, Width: 100, Version: "test",
					Getenv: func(k string) string { return env[k] }, Hostname: os.Hostname, Now: time.Now,
				}, line)
				cancel()
				for _, text := range []string{out.String(), errs.String()} {
					if bad := unprintable(text); bad != "" {
						t.Errorf("staunch %s: %s", strings.Join(line, " "), bad)
					}
				}
				if code == 0 && strings.Contains(out.String(), "2J") {
					said[filepath.Join(args[:min(2, len(args))]...)] = true
				}
			}
		}
	}
	if len(said) < 20 { // else the lies are not of the shapes that the commands show
		t.Errorf("only %d commands showed what the server said: %v", len(said), said)
	}
}
