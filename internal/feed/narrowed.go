package feed

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/feed/intake"
)

// speaksOf are the releases that a feed's records here speak of. Its state names them where they count as assessed because of it; of other
// feeds the records are asked.
func (s *Service) speaksOf(ctx context.Context, f source, state advisory.FeedState) ([]string, error) {
	if !f.own && !f.partial {
		return state.Ecosystems, nil
	}
	releases := map[string]bool{}
	err := s.store.CurrentAdvisories(ctx, func(a advisory.Advisory) error {
		for i := range a.Affected {
			if a.Feed == f.name {
				releases[a.Affected[i].Ecosystem] = true
			}
		}
		return nil
	})
	return slices.Sorted(maps.Keys(releases)), err
}

// takenAway are the releases of which a feed has something here and would have nothing after a bundle that was made for some releases
// alone: what was left out of it on purpose. A feed that no longer speaks of a release says so in a bundle that was made for it.
func (s *Service) takenAway(ctx context.Context, madeFor []string, f source, m member, state advisory.FeedState) ([]string, error) {
	if len(madeFor) == 0 || state.SHA256 == "" {
		return nil, nil
	}
	kept := map[string]bool{}
	for _, release := range madeFor {
		kept[NormalEcosystem(release)] = true
	}
	here, err := s.speaksOf(ctx, f, state)
	return slices.DeleteFunc(slices.Clone(here), func(release string) bool { return kept[release] || slices.Contains(m.Ecosystems, release) }), err
}

// isHere says whether a member of one of the user's own lists is, record by record, what is here of it. A damaged one is not.
func (s *Service) isHere(ctx context.Context, f source, m member, packed intake.File) (bool, error) {
	given, here := map[string]string{}, map[string]string{}
	into := func(set map[string]string) func(advisory.Advisory) error {
		return func(a advisory.Advisory) error {
			text, err := json.Marshal(a)
			if a.Feed == f.name {
				set[a.ID] = string(text)
			}
			return err
		}
	}
	o := intake.Options{Feed: f.name, Limits: s.asked}
	found, err := readMember(m)(ctx, packed, o, intake.Sink{Advisory: into(given)})
	if err != nil || found.Records != len(given) {
		return false, ctx.Err() // what is wrong with it is said where it is read to be taken in
	}
	if err := s.store.CurrentAdvisories(ctx, into(here)); err != nil {
		return false, err
	}
	return maps.Equal(given, here), nil
}

// someOf names the first few of a list that may be long.
func someOf(names []string) string {
	const few = 4
	shown := make([]string, 0, few)
	for _, name := range names[:min(few, len(names))] {
		shown = append(shown, intake.Shown(name))
	}
	if more := len(names) - len(shown); more > 0 {
		return strings.Join(shown, ", ") + " and " + strconv.Itoa(more) + " more"
	}
	return strings.Join(shown, ", ")
}
