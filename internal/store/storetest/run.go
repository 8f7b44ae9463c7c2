package storetest

import (
	"testing"

	"github.com/staunch-dev/staunch/internal/store"
)

// Run holds a database to every contract. fresh gives the configuration of an empty one, each time another.
func Run(t *testing.T, fresh func(testing.TB) store.Config) {
	t.Parallel()
	for name, test := range map[string]func(*testing.T, *store.Store){
		"events are listed newest first and by host":                eventsListed,
		"text that cannot be stored is refused, but not by the log": unstorableText,
		"changes are pruned and the seq is not":                     changesPruned,
		"a token lets in as many hosts as it has uses":              tokenUses,
		"a token that is over lets nobody in":                       tokenOver,
		"enroll-tokens are listed newest first and revoked once":    tokensListed,
		"a host's state moves only from the states named":           hostState,
		"labels are replaced":                                       hostLabels,
		"a deleted host keeps its history and its ordinal":          hostDeleted,
		"certificates are superseded and dropped when useless":      certificates,
		"a section opens, changes and stays":                        sectionLife,
		"a body that is known need not be sent":                     knownBody,
		"packages are interned once":                                packagesInterned,
		"what there is now is counted, and nothing of before":       counted,
		"sections of hosts that do not exist are refused":           sectionOfNobody,
		"intervals follow each other whatever the clock does":       intervalsFollow,
		"paging over intervals loses none":                          intervalsPaged,
		"an unchanged section writes nothing":                       unchangedWritesNothing,
		"seen times move forward only and skip hosts that are gone": seenForward,
		"phasing shares are kept once for a package version":        phasing,
		"an import replaces what a feed says":                       importReplaces,
		"an import that fails leaves everything as it was":          importAborts,
		"following knowledge gives what is current":                 knowledgeFollows,
		"an advisory is known since its first revision":             knownSince,
		"daily totals are kept once for a day":                      dailyTotals,
		"the past answers as it did":                                pastAnswers,
		"feed states come back as they were":                        feedStates,
		"users have one name each":                                  users,
		"a new password ends the other sessions":                    passwords,
		"sessions expire":                                           sessions,
		"API tokens expire and are revoked":                         apiTokens,
		"a plan is made, settled, signed and approved":              planLife,
		"the first answer to a question counts":                     simulationsAnswered,
		"a plan has one open rollout":                               rolloutLife,
		"a grant needs the newest rows, and epochs rise":            grantsFence,
		"a run is accepted, reported, ended and proven":             runLife,
		"a lost run keeps its host until it speaks":                 lostKeepsHost,
		"a write that fails leaves nothing":                         failedWrites,
		"the event chain verifies under concurrent writers":         chainVerifies,
		"reads do not wait for a write":                             readsDuringWrite,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, Reopen(t, fresh(t)))
		})
	}
	for name, test := range map[string]func(*testing.T, store.Config){
		"two processes that race for the last use: one wins": lastUse,
		"two processes that decide at once grant once":       oneGrant,
		"a follower never sees a gap in seq":                 noGaps,
		"every method ends in time on a single connection":   everyMethod,
		"ordinals and ids are not reused after a reopen":     reopened,
		"a database of a newer program is refused":           newerSchema,
		"processes that start together migrate once":         startedTogether,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}
