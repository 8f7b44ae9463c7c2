package inventory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
)

// historyPage is how many rows are read at a time while a page of history is put together.
const historyPage = 200

// History is what happened to a host before a time (zero: now), newest first: each section that changed, with the packages that
// differ, and each event. It gives limit entries, and beyond them those of the same instant as the last, so that a next page that
// begins before that instant loses nothing.
func (s *Service) History(ctx context.Context, hostID string, before time.Time, limit int) ([]apiv1.HistoryEntry, error) {
	if limit < 1 {
		limit = historyPage
	}
	intervals, err := s.intervals(ctx, hostID, before, limit)
	if err != nil {
		return nil, err
	}
	events, err := s.events(ctx, hostID, before, limit)
	if err != nil {
		return nil, err
	}
	type moment struct {
		at    time.Time
		event *event.Event
		index int // of the interval
	}
	var moments []moment
	for i := range events {
		moments = append(moments, moment{at: events[i].At, event: &events[i]})
	}
	for i := range intervals {
		moments = append(moments, moment{at: intervals[i].From, index: i})
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return b.at.Compare(a.at) })
	out := []apiv1.HistoryEntry{}
	for _, m := range moments {
		if len(out) >= limit && m.at.Before(out[len(out)-1].At) {
			break
		}
		if m.event != nil {
			out = append(out, apiv1.HistoryEntry{At: m.at, Kind: m.event.Kind, Text: m.event.Text, Actor: m.event.Actor, Changes: []apiv1.PackageChange{}})
			continue
		}
		entry, err := s.sectionEntry(ctx, intervals[m.index], previous(intervals, m.index))
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

// previous is the digest of the same section before interval i of a newest-first list, or empty.
func previous(intervals []Interval, i int) string {
	for _, older := range intervals[i+1:] {
		if older.Section == intervals[i].Section {
			return older.Digest
		}
	}
	return ""
}

// intervals reads at least limit intervals, and on until each section among them has one older than the page or there are no more:
// the page's oldest entries need what was before them.
func (s *Service) intervals(ctx context.Context, hostID string, before time.Time, limit int) ([]Interval, error) {
	var out []Interval
	for {
		page, err := s.store.Intervals(ctx, hostID, before, historyPage)
		if err != nil {
			return nil, fmt.Errorf("reading intervals of host %q: %w", hostID, err)
		}
		if len(page) < historyPage {
			return append(out, page...), nil
		}
		// Intervals of one instant may be cut apart by the end of the page; read that instant again with the next.
		last := page[len(page)-1].From
		whole := slices.DeleteFunc(slices.Clone(page), func(i Interval) bool { return i.From.Equal(last) })
		out = append(out, whole...)
		before = last.Add(time.Microsecond)
		if len(out) > limit && slices.IndexFunc(apiv1.SectionNames(), func(section string) bool {
			return !slices.ContainsFunc(out[limit:], func(i Interval) bool { return i.Section == section })
		}) < 0 {
			return out, nil
		}
	}
}

// events reads at least limit events before a time. The log is read by number, so pages that are too new are passed over.
func (s *Service) events(ctx context.Context, hostID string, before time.Time, limit int) ([]event.Event, error) {
	var out []event.Event
	for seq := int64(0); ; {
		page, err := s.store.Events(ctx, hostID, seq, historyPage)
		if err != nil {
			return nil, fmt.Errorf("reading events of host %q: %w", hostID, err)
		}
		for _, e := range page {
			if before.IsZero() || e.At.Before(before) {
				out = append(out, e)
			}
		}
		if len(page) < historyPage || (len(out) > limit && out[len(out)-1].At.Before(out[limit-1].At)) {
			return out, nil
		}
		seq = page[len(page)-1].Seq
	}
}

func (s *Service) sectionEntry(ctx context.Context, now Interval, before string) (apiv1.HistoryEntry, error) {
	entry := apiv1.HistoryEntry{At: now.From, Kind: now.Section, Actor: "host:" + now.HostID, Changes: []apiv1.PackageChange{}}
	var err error
	switch now.Section {
	case apiv1.SectionPackages:
		entry.Text, entry.Changes, err = s.describePackages(ctx, before, now.Digest)
	case apiv1.SectionFacts:
		entry.Text, err = describe(ctx, s.store, now.Section, before, now.Digest, describeFacts)
	case apiv1.SectionUpdates:
		entry.Text, err = describe(ctx, s.store, now.Section, before, now.Digest, describeUpdates)
	case apiv1.SectionRepositories:
		entry.Text, err = describe(ctx, s.store, now.Section, before, now.Digest, describeRepositories)
	case apiv1.SectionHardware:
		entry.Text, err = describe(ctx, s.store, now.Section, before, now.Digest, describeHardware)
	}
	return entry, err
}

// describePackages reads both sets and, of those, only the packages that differ.
func (s *Service) describePackages(ctx context.Context, before, now string) (string, []apiv1.PackageChange, error) {
	have, err := s.store.PackageSet(ctx, now)
	if err != nil {
		return "", nil, fmt.Errorf("reading package set %s: %w", now, err)
	}
	if before == "" {
		return fmt.Sprintf("First inventory: %s.", count(len(have), "package")), []apiv1.PackageChange{}, nil
	}
	had, err := s.store.PackageSet(ctx, before)
	if err != nil {
		return "", nil, fmt.Errorf("reading package set %s: %w", before, err)
	}
	gone, come := without(had, have), without(have, had)
	went, err := s.store.Packages(ctx, gone)
	if err != nil {
		return "", nil, fmt.Errorf("reading packages: %w", err)
	}
	came, err := s.store.Packages(ctx, come)
	if err != nil {
		return "", nil, fmt.Errorf("reading packages: %w", err)
	}
	changes := Diff(went, came)
	return describeChanges(changes), changes, nil
}

// without is the ids of a, ascending, that are not in b, ascending.
func without(a, b []PackageID) []PackageID {
	var out []PackageID
	for _, id := range a {
		if _, found := slices.BinarySearch(b, id); !found {
			out = append(out, id)
		}
	}
	return out
}

func describe[T any](ctx context.Context, store Store, section, before, now string, words func(before, now *T) string) (string, error) {
	old, err := sectionAs[T](ctx, store, section, before)
	if err != nil {
		return "", err
	}
	present, err := sectionAs[T](ctx, store, section, now)
	if err != nil {
		return "", err
	}
	return words(old, present), nil
}
