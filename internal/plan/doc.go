// Package plan owns what would be installed where: which updates were asked for, what each host answered that it would do, the cohorts
// and locks that follow, and the frozen, signed plan. It must not know how a plan is carried out (run, rollout).
package plan
