package api

import (
	"net/http"
	"strings"
	"testing"
)

func FuzzParseBearer(f *testing.F) {
	for _, s := range []string{"Bearer stk_x", "bearer  a b", "Basic eDp5", "Bearer", "", "Bearer \x00", "Bearer " + strings.Repeat("x", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token, err := parseBearer(header)
		if err != nil {
			return
		}
		if token == "" || len(token) > maxSecret || strings.ContainsFunc(token, notVisible) || !strings.HasSuffix(strings.TrimSpace(header), token) {
			t.Fatalf("%q gave %q", header, token)
		}
	})
}

func FuzzParseCookie(f *testing.F) {
	for _, s := range []string{"staunch_session=abc", "a=b; staunch_session=abc; staunch_session=def", "staunch_session=", "staunch_session=\"a b\"", ";;;", "staunch_session"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := &http.Request{Header: http.Header{"Cookie": {header}}}
		secret := parseCookie(r)
		if len(secret) > maxSecret || strings.ContainsFunc(secret, notVisible) {
			t.Fatalf("%q gave %q", header, secret)
		}
		if secret != "" && strings.Count(header, CookieName) == 0 {
			t.Fatalf("%q gave %q out of nothing", header, secret)
		}
	})
}

func TestTwoSessionCookiesAreNone(t *testing.T) {
	t.Parallel()
	r := &http.Request{Header: http.Header{"Cookie": {"staunch_session=mine; staunch_session=planted"}}}
	if got := parseCookie(r); got != "" {
		t.Errorf("took %q", got)
	}
}
