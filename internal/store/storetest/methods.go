package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/fleet"
	"github.com/staunch-dev/staunch/internal/inventory"
	"github.com/staunch-dev/staunch/internal/plan"
	"github.com/staunch-dev/staunch/internal/rollout"
	"github.com/staunch-dev/staunch/internal/run"
	"github.com/staunch-dev/staunch/internal/store"
)

type methodCall struct {
	name string
	call func(context.Context) error
}

// methodCalls are calls that succeed one after the other on a store with hosts h1 and h2 and the user ann; Close comes last.
func methodCalls(t *testing.T, s *store.Store) []methodCall {
	ready, hosts, locks := settled(t, "p9")
	ro, runs := rolloutOf(t, "ro9", "p9")
	facts := acceptJSON("h1", "facts", `{"n":1}`, start())
	return []methodCall{
		{"Ping", s.Ping},
		{"Stats", func(context.Context) error { s.Stats(); return nil }},
		{"Committed", func(context.Context) error { s.Committed(); return nil }},
		{"Seq", func(ctx context.Context) error { return second(s.Seq(ctx)) }},
		{"AppendEvent", func(ctx context.Context) error { return second(s.AppendEvent(ctx, ev("test.kind", "h1"))) }},
		{"Events", func(ctx context.Context) error { return second(s.Events(ctx, "h1", 0, 10)) }},
		{"EventsAfter", func(ctx context.Context) error { return second(s.EventsAfter(ctx, 0, 10)) }},
		{"ChangesAfter", func(ctx context.Context) error { return second(s.ChangesAfter(ctx, 0, 10)) }},
		{"PruneChanges", func(ctx context.Context) error { return second(s.PruneChanges(ctx, start())) }},

		{"CreateEnrollToken", func(ctx context.Context) error {
			return s.CreateEnrollToken(ctx, token("t9", 9), ev(event.EnrollCreated, ""))
		}},
		{"EnrollToken", func(ctx context.Context) error { return second(s.EnrollToken(ctx, "t9")) }},
		{"EnrollTokens", func(ctx context.Context) error { return second(s.EnrollTokens(ctx)) }},
		{"Enroll", func(ctx context.Context) error { return second(s.Enroll(ctx, enrollment("t9", "h9"))) }},
		{"RevokeEnrollToken", func(ctx context.Context) error {
			return s.RevokeEnrollToken(ctx, "t9", start(), ev(event.EnrollRevoked, ""))
		}},
		{"Host", func(ctx context.Context) error { return second(s.Host(ctx, "h1")) }},
		{"Hosts", func(ctx context.Context) error { return second(s.Hosts(ctx)) }},
		{"HostsNamed", func(ctx context.Context) error { return second(s.HostsNamed(ctx, "h1")) }},
		{"HostsOfMachine", func(ctx context.Context) error { return second(s.HostsOfMachine(ctx, "m1")) }},
		{"SetHostState", func(ctx context.Context) error {
			return second(s.SetHostState(ctx, "h1", []fleet.State{fleet.Approved}, fleet.Revoked, "x", start(), ev(event.HostRevoked, "h1")))
		}},
		{"SetHostLabels", func(ctx context.Context) error {
			return second(s.SetHostLabels(ctx, "h1", nil, ev(event.HostLabels, "h1")))
		}},
		{"Certificate", func(ctx context.Context) error { _, _, err := s.Certificate(ctx, "c0-h1"); return err }},
		{"NewestCertificate", func(ctx context.Context) error { return second(s.NewestCertificate(ctx, "h1")) }},
		{"AddCertificate", func(ctx context.Context) error {
			return s.AddCertificate(ctx, fleet.Certificate{Serial: "c9", HostID: "h1", IssuedAt: start(), NotAfter: start()})
		}},
		{"Supersede", func(ctx context.Context) error { return s.Supersede(ctx, "h1", "c9", start()) }},

		{"AcceptSection", func(ctx context.Context) error { return second(s.AcceptSection(ctx, facts)) }},
		{"AcceptSection", func(ctx context.Context) error { return second(s.AcceptSection(ctx, facts)) }},
		{"AcceptSection", func(ctx context.Context) error {
			return second(s.AcceptSection(ctx, acceptPackages("h1", "p", packages(90, 1), start())))
		}},
		{"OpenSections", func(ctx context.Context) error { return second(s.OpenSections(ctx, "h1")) }},
		{"HasBody", func(ctx context.Context) error { return second(s.HasBody(ctx, "facts", facts.Body.Digest)) }},
		{"SectionJSON", func(ctx context.Context) error { return second(s.SectionJSON(ctx, "facts", facts.Body.Digest)) }},
		{"PackageSet", func(ctx context.Context) error { return second(s.PackageSet(ctx, digestOf("p"))) }},
		{"Packages", func(ctx context.Context) error { return second(s.Packages(ctx, []inventory.PackageID{1, 2})) }},
		{"AllPackages", func(ctx context.Context) error { return second(s.AllPackages(ctx, 0, 10)) }},
		{"HostCounts", func(ctx context.Context) error { return second(s.HostCounts(ctx)) }},
		{"KnowledgeCounts", func(ctx context.Context) error { return second(s.KnowledgeCounts(ctx)) }},
		{"OpenPackageSets", func(ctx context.Context) error { return second(s.OpenPackageSets(ctx)) }},
		{"OpenBodies", func(ctx context.Context) error {
			return s.OpenBodies(ctx, "facts", func(string, time.Time, string, []byte) error { return nil })
		}},
		{"Intervals", func(ctx context.Context) error { return second(s.Intervals(ctx, "h1", time.Time{}, 10)) }},
		{"WriteSeen", func(ctx context.Context) error {
			return s.WriteSeen(ctx, seenOf("h1", start()), []inventory.PhasedShare{{Ecosystem: "Ubuntu:24.04", Name: "a", Version: "1", Percent: 5, At: start()}})
		}},
		{"AllSeen", func(ctx context.Context) error { return second(s.AllSeen(ctx)) }},
		{"SeenSince", func(ctx context.Context) error { return second(s.SeenSince(ctx, start())) }},
		{"SeenHost", func(ctx context.Context) error { return second(s.SeenHost(ctx, "h1")) }},
		{"PhasedShares", func(ctx context.Context) error { return second(s.PhasedShares(ctx, "Ubuntu:24.04")) }},

		{"ImportFeed", func(ctx context.Context) error {
			return second(s.ImportFeed(ctx, importOf("kev", start(), []advisory.Advisory{advisoryOf("A", "1")}, []advisory.Overlay{{CVE: "CVE-2026-1"}})))
		}},
		{"SaveFeedState", func(ctx context.Context) error {
			return s.SaveFeedState(ctx, advisory.FeedState{Name: "x", NextDue: start()})
		}},
		{"FeedStates", func(ctx context.Context) error { return second(s.FeedStates(ctx)) }},
		{"CurrentAdvisories", func(ctx context.Context) error { return second(currentAdvisories(ctx, s)) }},
		{"CurrentAdvisory", func(ctx context.Context) error {
			if err := second(s.CurrentAdvisory(ctx, advisory.Ref{Feed: "osv/Debian", ID: "A"})); !errors.Is(err, fault.NotFound) {
				return err
			}
			return nil
		}},
		{"DailyTotals", func(ctx context.Context) error { return second(s.DailyTotals(ctx, "2026-11-01", "2026-11-30")) }},
		{"PutDailyTotal", func(ctx context.Context) error { return s.PutDailyTotal(ctx, apiv1.DailyTotal{Day: "2026-11-20"}) }},
		{"At", func(ctx context.Context) error { return pastMethods(ctx, s) }},
		{"Earliest", func(ctx context.Context) error {
			_, _, err := s.Earliest(ctx)
			return err
		}},
		{"OverlaysOf", func(ctx context.Context) error { return second(s.OverlaysOf(ctx, []string{"CVE-2025-1"})) }},
		{"OverlaysFrom", func(ctx context.Context) error { return second(s.OverlaysFrom(ctx, "kev")) }},
		{"CurrentOverlays", func(ctx context.Context) error { return second(currentOverlays(ctx, s)) }},
		{"CurrentLifecycles", func(ctx context.Context) error { return second(s.CurrentLifecycles(ctx)) }},
		{"KnownAdvisories", func(ctx context.Context) error {
			return s.KnownAdvisories(ctx, "osv/Debian", func(advisory.Advisory, time.Time) error { return nil })
		}},
		{"KnowledgeAfter", func(ctx context.Context) error { return second(s.KnowledgeAfter(ctx, 0)) }},

		{"CreateUser", func(ctx context.Context) error { return s.CreateUser(ctx, user("bob"), ev("user.created", "")) }},
		{"UserCount", func(ctx context.Context) error { return second(s.UserCount(ctx)) }},
		{"UserByName", func(ctx context.Context) error { return second(s.UserByName(ctx, "bob")) }},
		{"User", func(ctx context.Context) error { return second(s.User(ctx, "u-bob")) }},
		{"CreateSession", func(ctx context.Context) error {
			return s.CreateSession(ctx, session("s1", "bob"), ev(event.UserLogin, ""))
		}},
		{"SessionUser", func(ctx context.Context) error { _, _, err := s.SessionUser(ctx, "s1", start()); return err }},
		{"SetPassword", func(ctx context.Context) error {
			return s.SetPassword(ctx, "u-bob", "$new", start(), "", ev(event.UserPassword, ""))
		}},
		{"DeleteSession", func(ctx context.Context) error { return s.DeleteSession(ctx, "s1") }},
		{"DeleteExpiredSessions", func(ctx context.Context) error { return second(s.DeleteExpiredSessions(ctx, start())) }},
		{"CreateToken", func(ctx context.Context) error {
			return s.CreateToken(ctx, apiToken("k1", "ann"), ev(event.TokenCreated, ""))
		}},
		{"TokenUser", func(ctx context.Context) error { _, _, err := s.TokenUser(ctx, digestOf("k1"), start()); return err }},
		{"Tokens", func(ctx context.Context) error { return second(s.Tokens(ctx, "")) }},
		{"TouchToken", func(ctx context.Context) error { return s.TouchToken(ctx, "k1", start()) }},
		{"RevokeToken", func(ctx context.Context) error { return s.RevokeToken(ctx, "k1", start(), ev(event.TokenRevoked, "")) }},

		{"CreatePlan", func(ctx context.Context) error {
			p, hosts, sims := planOf("p9")
			return second(s.CreatePlan(ctx, p, hosts, sims, ev(event.PlanCreated, "")))
		}},
		{"Plan", func(ctx context.Context) error { return second(s.Plan(ctx, "p9")) }},
		{"Plans", func(ctx context.Context) error { return second(s.Plans(ctx, "", 10)) }},
		{"SimulatingPlans", func(ctx context.Context) error { return second(s.SimulatingPlans(ctx)) }},
		{"PlanHosts", func(ctx context.Context) error { return second(s.PlanHosts(ctx, "p9")) }},
		{"Simulations", func(ctx context.Context) error { return second(s.Simulations(ctx, "p9")) }},
		{"Simulation", func(ctx context.Context) error { return second(s.Simulation(ctx, "sim-p9")) }},
		{"OpenSimulations", func(ctx context.Context) error { return second(s.OpenSimulations(ctx, "h1")) }},
		{"AskAnother", func(ctx context.Context) error { return s.AskAnother(ctx, "sim-p9", "h2", start()) }},
		{"AnswerSimulation", func(ctx context.Context) error {
			return second(s.AnswerSimulation(ctx, "sim-p9", []byte(`{}`), start()))
		}},
		{"SettlePlan", func(ctx context.Context) error {
			return second(s.SettlePlan(ctx, ready, hosts, locks, ev(event.PlanSettled, "")))
		}},
		{"SignPlan", func(ctx context.Context) error {
			return second(s.SignPlan(ctx, "p9", ready.Hash, []plan.Signature{signature("p9", "server")}, true, "x", start(), start(), ev(event.PlanApproved, "")))
		}},
		{"Signatures", func(ctx context.Context) error { return second(s.Signatures(ctx, "p9")) }},
		{"Locks", func(ctx context.Context) error { return second(s.Locks(ctx, []string{locks[0].Hash})) }},
		{"CreateRollout", func(ctx context.Context) error {
			return second(s.CreateRollout(ctx, ro, runs, ev(event.RolloutStarted, "")))
		}},
		{"Rollout", func(ctx context.Context) error { return second(s.Rollout(ctx, "ro9")) }},
		{"Rollouts", func(ctx context.Context) error { return second(s.Rollouts(ctx, "", 10)) }},
		{"RolloutsOfPlan", func(ctx context.Context) error { return second(s.RolloutsOfPlan(ctx, "p9")) }},
		{"OpenRollouts", func(ctx context.Context) error { return second(s.OpenRollouts(ctx)) }},
		{"RunsOf", func(ctx context.Context) error { return second(s.RunsOf(ctx, "ro9")) }},
		{"GrantRun", func(ctx context.Context) error {
			return second(s.GrantRun(ctx, rollout.GrantWrite{RolloutID: "ro9", Version: 1, RunID: "run1-ro9", HostID: "h1", At: start(),
				Sign: func(int64) ([]byte, string, error) { return []byte("g"), "s", nil }, Event: ev(event.RunGranted, "h1")}))
		}},
		{"Claims", func(ctx context.Context) error { return second(s.Claims(ctx)) }},
		{"Run", func(ctx context.Context) error { return second(s.Run(ctx, "run1-ro9")) }},
		{"RunsOfHost", func(ctx context.Context) error { return second(s.RunsOfHost(ctx, "h1", 10)) }},
		{"OpenRuns", func(ctx context.Context) error { return second(s.OpenRuns(ctx, "h1")) }},
		{"AcceptRun", func(ctx context.Context) error {
			return second(s.AcceptRun(ctx, "run1-ro9", 1, start(), ev(event.RunAccepted, "h1")))
		}},
		{"SetRunState", func(ctx context.Context) error {
			return second(s.SetRunState(ctx, "run1-ro9", []run.State{run.Preparing}, run.Uncertain, "x", start(), ev(event.RunUncertain, "h1")))
		}},
		{"RecordRun", func(ctx context.Context) error {
			return second(s.RecordRun(ctx, ended(run.Run{ID: "run1-ro9", Epoch: 1}, run.Succeeded)))
		}},
		{"UnprovenRuns", func(ctx context.Context) error { return second(s.UnprovenRuns(ctx)) }},
		{"ProveRun", func(ctx context.Context) error {
			return second(s.ProveRun(ctx, "run1-ro9", start(), ev(event.RunProven, "h1")))
		}},
		{"Steps", func(ctx context.Context) error { return second(s.Steps(ctx, "run1-ro9")) }},
		{"LogLines", func(ctx context.Context) error { _, _, err := s.LogLines(ctx, "run1-ro9", 0, 10); return err }},
		{"LogSize", func(ctx context.Context) error { return second(s.LogSize(ctx, "run1-ro9")) }},
		{"SetRollout", func(ctx context.Context) error {
			return second(s.SetRollout(ctx, "ro9", 5, rollout.Aborted, "x", []string{"run2-ro9"}, start(), ev(event.RolloutAborted, "")))
		}},
		{"CancelPlan", func(ctx context.Context) error { return s.CancelPlan(ctx, "p9", ev(event.PlanCanceled, "")) }},

		{"DeleteHost", func(ctx context.Context) error {
			return second(s.DeleteHost(ctx, "h1", start(), ev(event.HostDeleted, "h1")))
		}},
		{"Close", func(context.Context) error { return s.Close() }},
	}
}
