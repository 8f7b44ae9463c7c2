package feed

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/staunch-dev/staunch/internal/advisory"
	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/store"
)

// watched is a store that is looked over the shoulder while it reads and writes.
type watchedStore struct {
	*store.Store
	look func()
}

func (w watchedStore) ImportFeed(ctx context.Context, in advisory.Import) (advisory.Imported, error) {
	if all := in.Advisories; all != nil {
		in.Advisories = func(yield func(advisory.Advisory) error) error {
			return all(func(a advisory.Advisory) error {
				w.look()
				return yield(a)
			})
		}
	}
	return w.Store.ImportFeed(ctx, in)
}

func (w watchedStore) CurrentAdvisories(ctx context.Context, fn func(advisory.Advisory) error) error {
	err := w.Store.CurrentAdvisories(ctx, fn)
	w.look()
	return err
}

// Whoever waits for the server is told what it does: which feed, how far, of how much.
func TestWorkIsTold(t *testing.T) {
	t.Parallel()
	m := newMirror(t)
	b := setup(t, m.URL, "Debian:12")
	var seen []apiv1.FeedWork
	look := func() { seen = append(seen, b.Work()) }
	cfg := b.cfg
	cfg.Key = signer(t)
	b.Service = NewService(watchedStore{b.store, look}, cfg, nil, b.Service.log, b.at)
	data := zipOf(t, debians(3)...)
	m.answer(debianPath, func(w http.ResponseWriter, r *http.Request) {
		look()
		serve(data, "one")(w, r)
	})
	expect := func(want ...apiv1.FeedWork) {
		t.Helper()
		if diff := cmp.Diff(want, seen, cmpopts.IgnoreFields(apiv1.FeedWork{}, "Since")); diff != "" {
			t.Error(diff)
		}
		if i := slices.IndexFunc(seen, func(w apiv1.FeedWork) bool { return w.Since == nil || !w.Since.Equal(b.at()) }); i >= 0 {
			t.Errorf("since when: %+v", seen[i])
		}
		if now := b.Work(); now != (apiv1.FeedWork{}) {
			t.Errorf("it is done: %+v", now)
		}
		seen = nil
	}
	if err := b.Update(t.Context(), []string{"osv/Debian"}); err != nil {
		t.Fatal(err)
	}
	writing := func(n int) apiv1.FeedWork {
		return apiv1.FeedWork{Doing: apiv1.FeedWriting, Feed: "osv/Debian", Records: n, About: 3}
	}
	expect(apiv1.FeedWork{Doing: apiv1.FeedFetching, Feed: "osv/Debian"}, writing(1), writing(2), writing(3))

	if _, err := b.ImportFile(t.Context(), "kev", strings.NewReader(string(catalogue(kevEntry("CVE-2026-0001")))), false); err != nil {
		t.Fatal(err)
	}
	bundle, err := b.Export(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bundle.Close() //nolint:errcheck // a temporary file
	expect(apiv1.FeedWork{Doing: apiv1.FeedExporting, Records: 3, About: 4})
	packed, err := io.ReadAll(bundle)
	if err != nil {
		t.Fatal(err)
	}

	other := setup(t, t.TempDir())
	other.Service = NewService(watchedStore{other.store, func() { seen = append(seen, other.Work()) }}, cfg, nil, other.Service.log, other.at)
	if got, err := other.ImportBundle(t.Context(), bytes.NewReader(packed), BundleOptions{}); err != nil || len(got.Items) != 2 || got.Items[1].Error != "" {
		t.Fatalf("%v, %+v", err, got)
	}
	of := func(w apiv1.FeedWork) apiv1.FeedWork { w.At, w.Of = 2, 2; return w }
	expect(of(writing(1)), of(writing(2)), of(writing(3)))
	if now := other.Work(); now != (apiv1.FeedWork{}) {
		t.Errorf("it is done: %+v", now)
	}
}
