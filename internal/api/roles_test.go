package api

import (
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/staunch-dev/staunch/internal/access"
)

// The table of who may do what. An operation that is not here, or that asks for something else, fails the test: access is decided
// here in the open and not in a diff of a handler.
func TestEveryOperationAsksForWhatTheTableSays(t *testing.T) {
	t.Parallel()
	want := map[string]need{
		"login": needNothing, "login-token": needNothing,
		"get-session": needAccount, "logout": needAccount, "change-password": needAccount,
		"list-tokens": needViewer, "create-token": needViewer, "revoke-token": needViewer,
		"get-overview": needViewer, "list-hosts": needViewer, "get-host": needViewer, "list-host-packages": needViewer,
		"list-host-updates": needViewer, "list-host-findings": needViewer, "list-host-history": needViewer,
		"list-updates": needViewer, "list-findings": needViewer, "list-vulnerabilities": needViewer, "get-vulnerability": needViewer,
		"list-feeds": needViewer, "feed-work": needViewer, "list-events": needViewer, "live": needViewer,
		"delete-host": needOperator, "approve-host": needOperator, "revoke-host": needOperator, "refresh-host": needOperator, "set-host-labels": needOperator,
		"list-enroll-tokens": needOperator, "create-enroll-token": needOperator, "revoke-enroll-token": needOperator,
		"list-plans": needViewer, "get-plan": needViewer, "get-plan-bytes": needViewer, "list-rollouts": needViewer, "get-rollout": needViewer,
		"get-run": needViewer, "get-run-log": needViewer,
		"create-plan": needOperator, "approve-plan": needOperator, "cancel-plan": needOperator, "start-rollout": needOperator, "abort-rollout": needOperator,
		"agent-get-simulation": needHost, "agent-answer-simulation": needHost, "agent-get-run": needHost, "agent-accept-run": needHost, "agent-report-run": needHost,
		"report-compliance": needViewer, "report-metrics": needViewer, "report-trend": needViewer, "verify-events": needViewer, "export-events": needViewer,
		"update-feeds": needAdmin, "import-feed": needAdmin, "import-feeds": needAdmin, "export-feeds": needAdmin, "import-bundle": needAdmin,
		"agent-enroll": needToken, "agent-renew": needCert, "agent-checkin": needHost, "agent-put-section": needHost, "agent-work": needHost,
	}
	got := map[string]need{}
	for path, item := range New(Deps{}).doc.Paths {
		for method, op := range operationsOf(item) {
			got[op.OperationID] = needOf(op)
			limit, ok := op.Metadata[metaTimeout].(time.Duration)
			if !ok || op.MaxBodyBytes <= 0 || (limit == 0) != (op.OperationID == "live" || op.OperationID == "agent-work") {
				t.Errorf("%s %s: no limits of size and time", method, path)
			}
			if open := needOf(op) == needNothing || needOf(op) == needToken; open != (len(op.Security) == 0) {
				t.Errorf("%s: its security in the document is not its need", op.OperationID)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-table +code:\n%s", diff)
	}
}

func operationsOf(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete, http.MethodPatch: item.Patch,
	}
	maps.DeleteFunc(all, func(_ string, op *huma.Operation) bool { return op == nil })
	return all
}

func TestPermit(t *testing.T) {
	t.Parallel()
	roles := []access.Role{access.Viewer, access.Operator, access.Admin, "", "root"}
	for n, want := range map[need][]bool{
		needAccount:  {true, true, true, true, true},
		needViewer:   {true, true, true, false, false},
		needOperator: {false, true, true, false, false},
		needAdmin:    {false, false, true, false, false},
		"":           {false, false, false, false, false}, // an operation that forgot to say
		needHost:     {false, false, false, false, false},
	} {
		for i, role := range roles {
			if got := permit(n, access.User{Role: role}) == nil; got != want[i] {
				t.Errorf("need %q, role %q: %v", n, role, got)
			}
			if got := permit(n, access.User{Role: role, MustChange: true}) == nil; got != (n == needAccount) {
				t.Errorf("need %q, role %q, password to be changed: %v", n, role, got)
			}
		}
	}
}
