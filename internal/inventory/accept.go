package inventory

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/event"
	"github.com/staunch-dev/staunch/internal/fault"
)

// nextCheckin is when a host checks in again if nothing happens: its long poll brings work sooner, and changes are sent when they
// happen, so this only bounds how long a lost message stays lost.
const nextCheckin = 5 * time.Minute

// Checkin takes the digests and vitals of a host and answers which bodies are lacking. A section whose digest is known is opened
// without its body; one that the check-in does not name stays as it is; names that are not known are ignored (agents may be newer).
// Of a host that changed far too often of late, changes wait (see allowances): they are neither taken nor asked for, and come with a later check-in.
// Bad digests or vitals are a fault.Invalid or fault.TooLarge, and nothing has changed then.
func (s *Service) Checkin(ctx context.Context, hostID string, in apiv1.Checkin) (apiv1.CheckinAnswer, error) {
	if err := checkinBounds(in); err != nil {
		return apiv1.CheckinAnswer{}, err
	}
	now := s.now()
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return apiv1.CheckinAnswer{}, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	answer := apiv1.CheckinAnswer{Lacks: []string{}, NextSeconds: int(nextCheckin / time.Second)}
	for _, section := range apiv1.SectionNames() {
		digest, named := in.Sections[section]
		if !named || digest == open[section].Digest {
			continue
		}
		if !s.mayChange(hostID, section, now) {
			s.tellWaiting(ctx, hostID, section, now)
			continue
		}
		known, err := s.store.HasBody(ctx, section, digest)
		if err != nil {
			return apiv1.CheckinAnswer{}, fmt.Errorf("looking for a body of section %s: %w", section, err)
		}
		if !known {
			answer.Lacks = append(answer.Lacks, section)
			continue
		}
		if _, err := s.accept(ctx, hostID, open[section], Body{Section: section, Digest: digest}, 0, now); err != nil {
			return apiv1.CheckinAnswer{}, err
		}
	}
	if answer.Seq, err = s.store.Seq(ctx); err != nil {
		return apiv1.CheckinAnswer{}, fmt.Errorf("reading the sequence: %w", err)
	}
	return answer, s.noteCheckin(ctx, hostID, in, now)
}

func checkinBounds(in apiv1.Checkin) error {
	if len(in.Sections) > 16 {
		return fault.New(fault.TooLarge, "check-in names %d sections; at most 16 are taken", len(in.Sections))
	}
	for section, digest := range in.Sections {
		if raw, err := hex.DecodeString(digest); err != nil || len(raw) != 32 || hex.EncodeToString(raw) != digest {
			return fault.New(fault.Invalid, "check-in: the digest of section %.32q is not a sha256 in lower-case hex", section)
		}
	}
	return bounded(in)
}

// noteCheckin queues last-seen and vitals. Phasing percentages leave the vitals: they are facts of a package version, not of a host.
func (s *Service) noteCheckin(ctx context.Context, hostID string, in apiv1.Checkin, now time.Time) error {
	n := Seen{HostID: hostID, At: now, AgentVersion: in.AgentVersion}
	if in.Vitals != nil {
		vitals := *in.Vitals
		if err := s.notePhasing(ctx, hostID, vitals.Phasing, now); err != nil {
			return err
		}
		vitals.Phasing = nil
		text, err := json.Marshal(vitals)
		if err != nil {
			return fault.Wrap(err, fault.Invalid, "vitals cannot be kept")
		}
		n.Vitals, n.VitalsAt = text, now
	}
	s.note(n)
	return nil
}

func (s *Service) notePhasing(ctx context.Context, hostID string, phasing []apiv1.Phasing, now time.Time) error {
	if len(phasing) == 0 {
		return nil
	}
	facts, err := s.facts(ctx, hostID)
	if err != nil || facts == nil || facts.OS.Ecosystem == "" {
		return err // without a release there is no package version to speak of
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of := allowanceOf{hostID, allShares}
	if !s.allowed.has(of, now) {
		return nil // the other hosts tell the same
	}
	s.allowed.take(of, time.Duration(len(phasing))*ofShare, now)
	for _, p := range phasing {
		k := phasedVersion{facts.OS.Ecosystem, p.Package, p.Version}
		s.phasing[k] = PhasedShare{Ecosystem: k.ecosystem, Name: k.name, Version: k.version, Percent: p.Percent, At: now}
	}
	return nil
}

// PutSection takes the body of a section, whose bytes must have the digest, and acknowledges it once it is durable. A body that is
// damaged, out of bounds or out of order is a fault.Invalid or fault.TooLarge, one of a host that changed far too often of late a
// fault.TooMany, and nothing has changed then.
func (s *Service) PutSection(ctx context.Context, hostID, section, digest string, body []byte) (apiv1.SectionAnswer, error) {
	parsed, err := parseSection(section, digest, body)
	if err != nil {
		return apiv1.SectionAnswer{}, err
	}
	now := s.now()
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return apiv1.SectionAnswer{}, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	if open[section].Digest != digest && !s.mayChange(hostID, section, now) {
		s.tellWaiting(ctx, hostID, section, now)
		return apiv1.SectionAnswer{}, fault.New(fault.TooMany, "section %s of this host changes too often, or is too large too often: it is taken again later", section)
	}
	done, err := s.accept(ctx, hostID, open[section], parsed, len(body), now)
	if err != nil {
		return apiv1.SectionAnswer{}, err
	}
	s.note(Seen{HostID: hostID, At: now})
	return apiv1.SectionAnswer{Seq: done.Seq, Changed: done.Changed}, nil
}

// accept opens an interval with body, which came in so many bytes (0: it was here), and writes down what the change means.
func (s *Service) accept(ctx context.Context, hostID string, open Interval, body Body, size int, now time.Time) (Accepted, error) {
	at := now
	if open.Digest == body.Digest {
		seq, err := s.store.Seq(ctx)
		return Accepted{Seq: seq}, err
	}
	// The clock may have been set back; intervals of a section still follow each other.
	if !now.After(open.From) {
		now = open.From.Add(time.Microsecond)
	}
	a := Accept{HostID: hostID, At: now, Body: body}
	if body.Section == apiv1.SectionFacts {
		events, err := s.factsEvents(ctx, hostID, open.Digest, body, now)
		if err != nil {
			return Accepted{}, err
		}
		a.Events = events
	}
	done, err := s.store.AcceptSection(ctx, a)
	if err != nil {
		return Accepted{}, fmt.Errorf("accepting section %s of host %q: %w", body.Section, hostID, err)
	}
	if done.Changed {
		s.changed(hostID, body.Section, size, at)
	}
	return done, nil
}

// tellWaiting says in the log, once a day for each host, that its changes wait.
func (s *Service) tellWaiting(ctx context.Context, hostID, section string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last, said := s.told[hostID]; said && now.Sub(last) < fullFor {
		return
	}
	for host, last := range s.told {
		if now.Sub(last) >= fullFor {
			delete(s.told, host)
		}
	}
	s.told[hostID] = now
	s.log.WarnContext(ctx, "a host says something new so often that its changes wait: is it well, and is it itself?", "host", hostID, "section", section)
}

// factsEvents compares new facts with those before them. First facts are no event.
func (s *Service) factsEvents(ctx context.Context, hostID, before string, body Body, now time.Time) ([]event.Event, error) {
	if before == "" {
		return nil, nil
	}
	old, err := sectionAs[apiv1.Facts](ctx, s.store, apiv1.SectionFacts, before)
	if err != nil {
		return nil, err
	}
	if body.JSON == nil {
		if body.JSON, err = s.store.SectionJSON(ctx, apiv1.SectionFacts, body.Digest); err != nil {
			return nil, err
		}
	}
	var facts apiv1.Facts
	if err := json.Unmarshal(body.JSON, &facts); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "section facts is not the JSON it should be")
	}
	if !rebooted(*old, facts) {
		return nil, nil
	}
	return []event.Event{{
		At: now, Kind: event.HostRebooted, Actor: "host:" + hostID, Host: hostID, Text: rebootText(*old, facts),
		Data: map[string]string{"boot_id": facts.BootID, "kernel": facts.Kernel.Running, "kernel_before": old.Kernel.Running},
	}}, nil
}

// rebooted needs both boot ids: a host that could not tell one has not said anything.
func rebooted(before, after apiv1.Facts) bool {
	return before.BootID != "" && after.BootID != "" && before.BootID != after.BootID
}

func rebootText(before, after apiv1.Facts) string {
	switch {
	case after.Kernel.Running == "":
		return "Rebooted."
	case before.Kernel.Running == after.Kernel.Running:
		return fmt.Sprintf("Rebooted; still runs kernel %s.", after.Kernel.Running)
	}
	return fmt.Sprintf("Rebooted; runs kernel %s, before %s.", after.Kernel.Running, before.Kernel.Running)
}

// sectionAs reads a stored section other than packages. No digest is nil and no error: the host never sent one.
func sectionAs[T any](ctx context.Context, store Store, section, digest string) (*T, error) {
	if digest == "" {
		return nil, nil
	}
	text, err := store.SectionJSON(ctx, section, digest)
	if err != nil {
		return nil, fmt.Errorf("reading section %s %s: %w", section, digest, err)
	}
	out := new(T)
	if err := json.Unmarshal(text, out); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "stored section %s %s", section, digest)
	}
	return out, nil
}
