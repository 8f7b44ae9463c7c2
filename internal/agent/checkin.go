package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/client"
	"github.com/staunch-dev/staunch/internal/collect"
	"github.com/staunch-dev/staunch/internal/fault"
)

// checkin collects, says what there is by digest, and gives what the server lacks. The sections are let go of afterwards: an idle agent
// holds no inventory.
func (l *Loop) checkin(ctx context.Context) error {
	defer debug.FreeOSMemory()
	now := l.cfg.Now()
	l.watch.moved() // what has moved until here is about to be read
	snapshot, err := l.host.Collect(ctx, now)
	if err != nil {
		return err
	}
	bodies, err := encode(snapshot)
	if err != nil {
		return err
	}
	in := apiv1.Checkin{AgentVersion: l.cfg.Version, Sections: map[string]string{}}
	for name, body := range bodies {
		in.Sections[name] = client.Digest(body)
	}
	if now.Sub(l.sentAt) >= vitalsEvery || worthSending(l.sent, snapshot.Vitals) {
		in.Vitals = &snapshot.Vitals
	}
	answer, err := l.client.Checkin(ctx, in)
	if err != nil {
		return err
	}
	if in.Vitals != nil {
		l.sent, l.sentAt = in.Vitals, now
	}
	if err := l.upload(ctx, bodies, in.Sections, answer.Lacks); err != nil {
		return err
	}
	l.accepted = in.Sections
	l.p.checkinAt = now.Add(checkinAfter(answer.NextSeconds, l.cfg.Share()))
	l.p.changed, l.p.moved = time.Time{}, time.Time{}
	l.status.LastCheckin = now.UTC().Truncate(time.Second)
	l.saveStatus()
	return nil
}

// upload gives the sections in lacks, facts first. A body that the server will not take as it is would not be taken the next time
// either: it is named in the log once, and the others go on.
func (l *Loop) upload(ctx context.Context, bodies map[string][]byte, digests map[string]string, lacks []string) error {
	for _, name := range apiv1.SectionNames() {
		if !slices.Contains(lacks, name) || l.refused[name] == digests[name] {
			continue
		}
		_, err := l.client.PutSection(ctx, name, bodies[name])
		if errors.Is(err, fault.Invalid) || errors.Is(err, fault.TooLarge) {
			l.refused[name] = digests[name]
			l.log.Error("the server does not take a section", "section", name, "error", err)
			continue
		}
		if err != nil {
			return err
		}
		delete(l.refused, name)
	}
	return nil
}

// encode gives each section's bytes. Everything in them is sorted, so equal contents are equal bytes.
func encode(s collect.Snapshot) (map[string][]byte, error) {
	bodies := map[string][]byte{}
	for name, v := range map[string]any{
		apiv1.SectionFacts: s.Facts, apiv1.SectionPackages: s.Packages, apiv1.SectionUpdates: s.Updates,
		apiv1.SectionRepositories: s.Repositories, apiv1.SectionHardware: s.Hardware,
	} {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("encode section %s: %w", name, err)
		}
		bodies[name] = b
	}
	return bodies, nil
}

// worthSending reports that moving values say something new: the state of package lists, a boot, or free space that moved by a twentieth.
// Load and memory alone wait for the hour.
func worthSending(last *apiv1.Vitals, v apiv1.Vitals) bool {
	if last == nil || len(last.Free) != len(v.Free) {
		return true
	}
	for i, f := range v.Free {
		before := last.Free[i]
		if f.Mount != before.Mount || math.Abs(float64(f.Bytes-before.Bytes)) > float64(before.Bytes)/20 {
			return true
		}
	}
	still := func(v apiv1.Vitals) string {
		v.Load1, v.MemAvailable, v.Free = 0, 0, nil
		b, err := json.Marshal(v)
		if err != nil {
			return err.Error()
		}
		return string(b)
	}
	return still(*last) != still(v)
}
