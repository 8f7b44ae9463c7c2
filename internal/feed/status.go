package feed

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
)

// Status describes every feed that is wanted or has data, by name; among the wanted ones also those that are not supported.
func (s *Service) Status(ctx context.Context) ([]apiv1.FeedStatus, error) {
	all, err := s.List(ctx)
	return all.Items, err
}

// List is Status with the releases of the fleet that no feed speaks of.
func (s *Service) List(ctx context.Context) (apiv1.FeedList, error) {
	out := apiv1.FeedList{Items: []apiv1.FeedStatus{}}
	states, err := s.states(ctx)
	if err != nil {
		return out, err
	}
	feeds, fleet, err := s.wanted(ctx, states)
	if err != nil {
		return out, err
	}
	byName := map[string]source{}
	for _, f := range feeds {
		byName[f.name] = f
	}
	for name, state := range states {
		if _, wanted := byName[name]; wanted || !hasData(state) {
			continue // one that nobody wants any more and that never gave anything has nothing to say
		}
		f, ok := sourceOf(name)
		if !ok {
			f = source{name: name, why: "this version of Staunch knows no such feed"}
		}
		byName[name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		state, f := states[name], byName[name]
		state.Name = name
		if s.cfg.Offline {
			state.NextDue = time.Time{}
		}
		one := f.status(state)
		if f.supported() && !hasData(state) {
			one.Means = f.means(fleet)
		}
		out.Items = append(out.Items, one)
	}
	if s.noneThere(feeds, states) {
		for i := range out.Items {
			if one := &out.Items[i]; one.Absent {
				one.Absent, one.Error = false, "none of the feeds is at "+s.shownBase()+": is the feeds setting right?"
			}
		}
	}
	out.NotAssessed, out.More = fleet.gaps()
	return out, nil
}

// hasData: an import has succeeded, whenever that was.
func hasData(state advisory.FeedState) bool { return state.SHA256 != "" }

// absent: the source was asked and does not have the feed. Such an answer is written down without an error, which nothing else is that
// leaves a feed without data.
func absent(state advisory.FeedState) bool {
	return !hasData(state) && state.Error == "" && !state.AttemptedAt.IsZero()
}

// wasFetched: what is here came from a source or mirror that was asked, rather than by an import.
func wasFetched(state advisory.FeedState) bool {
	return hasData(state) && state.URL != "" && !strings.HasPrefix(state.SHA256, bundleRevision+":")
}

// noneThere: every feed was asked for and none is there. Then it is the mirror's address that is wrong.
func (s *Service) noneThere(feeds []source, states map[string]advisory.FeedState) bool {
	asked := 0
	for _, f := range feeds {
		state := states[f.name]
		switch {
		case !f.supported():
		case wasFetched(state) || state.Error != "" || state.AttemptedAt.IsZero():
			return false
		default:
			asked++
		}
	}
	return asked > 0 && s.cfg.Base != ""
}

// shownBase is where the feeds are looked for.
func (s *Service) shownBase() string {
	if u, err := url.Parse(s.cfg.Base); err == nil && remote(s.cfg.Base) {
		return withoutSecrets(u)
	}
	return s.cfg.Base
}

// means says what is not known without the feed.
func (s source) means(fleet fleetReleases) string {
	if s.buckets == nil {
		return s.without
	}
	var unknown, others []string
	for _, release := range fleet.asked {
		if !slices.ContainsFunc(sourcesFor([]string{release}), func(of source) bool { return of.name == s.name }) {
			continue
		}
		if fleet.spoken[release] {
			others = append(others, release)
		} else {
			unknown = append(unknown, release)
		}
	}
	switch {
	case len(unknown) > 0:
		return "no feed here assesses " + someOf(unknown)
	case len(others) > 0:
		return "only other feeds assess " + someOf(others)
	}
	return ""
}
