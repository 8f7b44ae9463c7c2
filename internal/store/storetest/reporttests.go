package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/store"
)

func knownSince(t *testing.T, s *store.Store) {
	ctx := t.Context()
	a, b, c := advisoryOf("A", "1"), advisoryOf("B", "1"), advisoryOf("C", "1")
	at := func(n int) time.Time { return start().Add(time.Duration(n) * time.Hour) }
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", at(0), []advisory.Advisory{a, b}, nil))))
	must(t, second(s.ImportFeed(ctx, importOf("osv/Other", at(1), []advisory.Advisory{b}, nil))))
	a.Affected[0].Ranges[0].Fixed = "2"
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", at(2), []advisory.Advisory{a}, nil))))       // B is gone
	must(t, second(s.ImportFeed(ctx, importOf("osv/Debian", at(3), []advisory.Advisory{a, b, c}, nil)))) // and comes back

	type known struct {
		ID, Fixed string
		First     time.Time
	}
	var got []known
	must(t, s.KnownAdvisories(ctx, "osv/Debian", func(one advisory.Advisory, first time.Time) error {
		if one.Feed != "osv/Debian" {
			t.Errorf("of feed %q", one.Feed)
		}
		got = append(got, known{one.ID, one.Affected[0].Ranges[0].Fixed, first})
		return nil
	}))
	same(t, "known", got, []known{{"A", "2", at(0)}, {"B", "1", at(0)}, {"C", "1", at(3)}})

	enough := errors.New("enough")
	if err := s.KnownAdvisories(ctx, "osv/Debian", func(advisory.Advisory, time.Time) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
}
