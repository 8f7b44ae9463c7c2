package api

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunch-dev/staunch/internal/access"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

const goodPassword = "correct horse battery"

// firstLogin is the first administrator's cookie and password.
func (b *bundle) firstLogin(t *testing.T) (cookie *http.Cookie, password string) {
	t.Helper()
	if _, err := b.access.EnsureAdmin(t.Context(), func(_, p string) error { password = p; return nil }); err != nil {
		t.Fatal(err)
	}
	w := b.do(t, "POST", "/api/v1/session", `{"username":"admin","password":"`+password+`"}`)
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	return w.Result().Cookies()[0], password
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder, status int) T {
	t.Helper()
	var v T
	if w.Code != status {
		t.Fatalf("%d, want %d: %s", w.Code, status, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return v
}

func TestFirstLoginReachesNothingButThePasswordChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, password := b.firstLogin(t)
	if cookie.Name != CookieName || !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/" {
		t.Errorf("cookie %+v", cookie)
	}
	as := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	if s := decode[apiv1.Session](t, b.do(t, "GET", "/api/v1/session", "", as...), 200); !s.MustChangePassword || s.User != "admin" || s.Server.CAFingerprint != b.ca.Fingerprint() {
		t.Errorf("session %+v", s)
	}
	for _, path := range []string{"/api/v1/hosts", "/api/v1/events", "/api/v1/tokens", "/api/v1/enroll-tokens", "/api/v1/live", "/api/v1/feeds"} {
		if p := decode[apiv1.Problem](t, b.do(t, "GET", path, "", as...), 403); p.Type != apiv1.ProblemMustChange {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if p := decode[apiv1.Problem](t, b.do(t, "POST", "/api/v1/login-token", `{"username":"admin","password":"`+password+`","name":"cli"}`), 403); p.Type != apiv1.ProblemMustChange {
		t.Errorf("%+v", p)
	}
	if w := b.do(t, "POST", "/api/v1/session/password", `{"current":"`+password+`","new":"`+goodPassword+`"}`, as...); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if w := b.do(t, "GET", "/api/v1/events", "", as...); w.Code != 200 {
		t.Errorf("after the change: %d %s", w.Code, w.Body)
	}
	if w := b.do(t, "DELETE", "/api/v1/session", "", as...); w.Code != 204 || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("sign out: %d %v", w.Code, w.Result().Cookies())
	}
	if w := b.do(t, "GET", "/api/v1/session", "", as...); w.Code != 401 {
		t.Errorf("after signing out: %d", w.Code)
	}
	for _, secret := range []string{password, goodPassword, cookie.Value} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("a secret is in the log")
		}
	}
}

func TestRolesAtTheDoor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	viewer, operator, admin := b.token(t, access.Viewer), b.token(t, access.Operator), b.token(t, access.Admin)
	for name, tc := range map[string]struct {
		method, path, body string
		want               [3]int // viewer, operator, admin
	}{
		"events":              {"GET", "/api/v1/events", "", [3]int{200, 200, 200}},
		"enroll-tokens":       {"GET", "/api/v1/enroll-tokens", "", [3]int{403, 200, 200}},
		"create enroll-token": {"POST", "/api/v1/enroll-tokens", "{}", [3]int{403, 201, 201}},
		"approve":             {"POST", "/api/v1/hosts/nobody/approve", "", [3]int{403, 404, 404}},
		"delete":              {"DELETE", "/api/v1/hosts/nobody", "", [3]int{403, 404, 404}},
		"labels":              {"PUT", "/api/v1/hosts/nobody/labels", `{"labels":{}}`, [3]int{403, 404, 404}},
		"import without name": {"POST", "/api/v1/feeds/import", "x", [3]int{403, 403, 422}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, token := range []string{viewer, operator, admin} {
				if w := b.do(t, tc.method, tc.path, tc.body, "Authorization", "Bearer "+token); w.Code != tc.want[i] {
					t.Errorf("as %d: %d %s", i, w.Code, w.Body)
				}
			}
		})
	}
}

func TestRefusalsAreProblemsLoggedOnceThatChangeNothing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		method, path, body, header string
		status                     int
		kind                       string
	}{
		"no credentials":         {"GET", "/api/v1/hosts", "", "", 401, "unauthorized"},
		"wrong token":            {"GET", "/api/v1/hosts", "", "Bearer stk_wrong", 401, "unauthorized"},
		"basic authentication":   {"GET", "/api/v1/hosts", "", "Basic eDp5", 401, "unauthorized"},
		"wrong password":         {"POST", "/api/v1/session", `{"username":"admin","password":"hunter2hunter2"}`, "", 401, "unauthorized"},
		"not JSON":               {"POST", "/api/v1/session", `hunter2hunter2`, "", 400, "invalid"},
		"unknown field":          {"POST", "/api/v1/session", `{"username":"a","password":"b","hunter2hunter2":1}`, "", 422, "invalid"},
		"short new password":     {"POST", "/api/v1/session/password", `{"current":"hunter2","new":"hunter2"}`, "good", 422, "invalid"},
		"body too large":         {"POST", "/api/v1/session", `{"username":"` + strings.Repeat("x", 2<<20) + `"}`, "", 413, "too_large"},
		"bad selector":           {"GET", "/api/v1/hosts?selector=%3D%3D", "", "good", 422, "invalid"},
		"unknown parameter":      {"GET", "/api/v1/events?hots=1", "", "good", 422, "invalid"},
		"limit too large":        {"GET", "/api/v1/events?limit=1001", "", "good", 422, "invalid"},
		"bad cursor":             {"GET", "/api/v1/events?cursor=abc", "", "good", 422, "invalid"},
		"bad ttl":                {"POST", "/api/v1/enroll-tokens", `{"ttl":"soon"}`, "good", 422, "invalid"},
		"too long a ttl":         {"POST", "/api/v1/enroll-tokens", `{"ttl":"48h"}`, "good", 422, "invalid"},
		"no such host":           {"POST", "/api/v1/hosts/web1/approve", "", "good", 404, "not_found"},
		"no such token":          {"DELETE", "/api/v1/tokens/tok_1", "", "good", 404, "not_found"},
		"no such operation":      {"GET", "/api/v2/hosts", "", "good", 404, "not_found"},
		"query is never logged":  {"GET", "/api/v1/events?hunter2hunter2=1", "", "good", 422, "invalid"},
		"control bytes in names": {"POST", "/api/v1/hosts/%00%0a/approve", "", "good", 404, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			good := b.token(t, access.Operator)
			if tc.header == "good" {
				tc.header = "Bearer " + good
			}
			before, logged := b.store.Stats(), b.log.count(`"msg":"request"`)
			headers := []string{}
			if tc.header != "" {
				headers = append(headers, "Authorization", tc.header)
			}
			w := b.do(t, tc.method, tc.path, tc.body, headers...)
			p := decode[apiv1.Problem](t, w, tc.status)
			if p.Type != apiv1.ProblemPrefix+tc.kind || p.Status != tc.status || p.Detail == "" || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("problem %+v", p)
			}
			if n := b.log.count(`"msg":"request"`) - logged; n != 1 {
				t.Errorf("%d log records: %s", n, b.log)
			}
			// The first use of the token in a minute is noted; nothing else may be.
			if writes := b.store.Stats().Writes - before.Writes; writes > 1 || writes == 1 && tc.header == "" {
				t.Errorf("%d writes", writes)
			}
			if strings.Contains(b.log.String(), "hunter2hunter2") {
				t.Errorf("what was sent is in the log: %s", b.log)
			}
			if strings.Contains(w.Body.String(), "hunter2") && !strings.Contains(w.Body.String(), `"location":"`) {
				t.Errorf("what was sent is in the answer: %s", w.Body)
			}
		})
	}
}

func TestEnrollTokenIsShownOnceWithItsCommand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	as := []string{"Authorization", "Bearer " + b.token(t, access.Operator)}
	made := decode[apiv1.EnrollToken](t, b.do(t, "POST", "/api/v1/enroll-tokens", `{"labels":{"env":"prod"},"uses":3}`, as...), 201)
	if !strings.HasSuffix(made.Token, "."+b.ca.Fingerprint()) || made.Approve || made.UsesLeft != 3 || made.By != "user:operator" ||
		made.Command != "staunch-agent enroll --server https://staunch.example:8443 --token-file -" {
		t.Errorf("%+v", made)
	}
	list := decode[apiv1.EnrollTokenList](t, b.do(t, "GET", "/api/v1/enroll-tokens", "", as...), 200)
	if len(list.Items) != 1 || list.Items[0].Token != "" || list.Items[0].ID != made.ID {
		t.Errorf("%+v", list)
	}
	if strings.Contains(b.log.String(), strings.Split(made.Token, ".")[1]) {
		t.Error("the secret is in the log")
	}
	if w := b.do(t, "DELETE", "/api/v1/enroll-tokens/"+made.ID, "", as...); w.Code != 204 {
		t.Error(w.Code, w.Body)
	}
}
