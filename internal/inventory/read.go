package inventory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
)

// Detail is what a host is and how it is now. What it never reported is nil or empty; since maps a section to when its present
// contents were first seen.
func (s *Service) Detail(ctx context.Context, hostID string) (facts *apiv1.Facts, hw *apiv1.Hardware, repos []apiv1.Repository,
	vitals *apiv1.Vitals, vitalsAt time.Time, since map[string]time.Time, err error) {
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return nil, nil, nil, nil, time.Time{}, nil, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	since = map[string]time.Time{}
	for section, interval := range open {
		since[section] = interval.From
	}
	if facts, err = sectionAs[apiv1.Facts](ctx, s.store, apiv1.SectionFacts, open[apiv1.SectionFacts].Digest); err != nil {
		return nil, nil, nil, nil, time.Time{}, nil, err
	}
	if hw, err = sectionAs[apiv1.Hardware](ctx, s.store, apiv1.SectionHardware, open[apiv1.SectionHardware].Digest); err != nil {
		return nil, nil, nil, nil, time.Time{}, nil, err
	}
	configured, err := sectionAs[apiv1.Repositories](ctx, s.store, apiv1.SectionRepositories, open[apiv1.SectionRepositories].Digest)
	if err != nil {
		return nil, nil, nil, nil, time.Time{}, nil, err
	}
	repos = []apiv1.Repository{}
	if configured != nil {
		repos = append(repos, configured.Repositories...)
	}
	vitals, vitalsAt, err = s.vitals(ctx, hostID)
	return facts, hw, repos, vitals, vitalsAt, since, err
}

func (s *Service) facts(ctx context.Context, hostID string) (*apiv1.Facts, error) {
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return nil, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	return sectionAs[apiv1.Facts](ctx, s.store, apiv1.SectionFacts, open[apiv1.SectionFacts].Digest)
}

func (s *Service) vitals(ctx context.Context, hostID string) (*apiv1.Vitals, time.Time, error) {
	seen, err := s.lastSeen(ctx, hostID)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading vitals of host %q: %w", hostID, err)
	}
	vitals, err := ParseVitals(seen.Vitals)
	return vitals, seen.VitalsAt, err
}

// ParseVitals reads stored vitals; none are nil.
func ParseVitals(text []byte) (*apiv1.Vitals, error) {
	if len(text) == 0 {
		return nil, nil
	}
	v := new(apiv1.Vitals)
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "stored vitals")
	}
	return v, nil
}

// PackagesOf is what is installed on a host, sorted by name, architecture and version.
func (s *Service) PackagesOf(ctx context.Context, hostID string) (apiv1.HostPackages, error) {
	out := apiv1.HostPackages{Packages: []apiv1.Package{}}
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return out, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	interval, ok := open[apiv1.SectionPackages]
	if !ok {
		return out, nil
	}
	out.AsOf = &interval.From
	packages, err := s.packages(ctx, interval.Digest)
	if err != nil {
		return out, err
	}
	out.Ecosystem = Release(packages)
	for _, p := range packages {
		w := wirePackage(p)
		if p.Ecosystem != out.Ecosystem {
			w.Ecosystem = p.Ecosystem
		}
		out.Packages = append(out.Packages, w)
	}
	slices.SortFunc(out.Packages, comparePackages)
	return out, nil
}

func (s *Service) packages(ctx context.Context, digest string) ([]Package, error) {
	ids, err := s.store.PackageSet(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("reading package set %s: %w", digest, err)
	}
	packages, err := s.store.Packages(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading packages of set %s: %w", digest, err)
	}
	return packages, nil
}

func wirePackage(p Package) apiv1.Package {
	w := apiv1.Package{Name: p.Name, Arch: p.Arch, Version: p.Version, Stream: p.Stream, Origin: p.Origin}
	if p.Source != p.Name {
		w.Source = p.Source
	}
	if p.SourceVersion != p.Version {
		w.SourceVersion = p.SourceVersion
	}
	return w
}

// UpdatesOf is what the host's own package manager would do, as the host last reported it. A host that never did gives Known false
// and says so.
func (s *Service) UpdatesOf(ctx context.Context, hostID string) (apiv1.HostUpdates, error) {
	out := apiv1.HostUpdates{Updates: apiv1.Updates{Updates: []apiv1.Update{}}}
	open, err := s.store.OpenSections(ctx, hostID)
	if err != nil {
		return out, fmt.Errorf("reading sections of host %q: %w", hostID, err)
	}
	facts, err := sectionAs[apiv1.Facts](ctx, s.store, apiv1.SectionFacts, open[apiv1.SectionFacts].Digest)
	if err != nil {
		return out, err
	}
	vitals, _, err := s.vitals(ctx, hostID)
	if err != nil {
		return out, err
	}
	out.Metadata = MetadataState(vitals, facts, s.now())
	interval, ok := open[apiv1.SectionUpdates]
	if !ok {
		out.Problem = "the host has not reported its updates yet"
		return out, nil
	}
	reported, err := sectionAs[apiv1.Updates](ctx, s.store, apiv1.SectionUpdates, interval.Digest)
	if err != nil {
		return out, err
	}
	out.Updates, out.AsOf = *reported, &interval.From
	if out.Updates.Updates == nil {
		out.Updates.Updates = []apiv1.Update{}
	}
	if facts == nil {
		return out, nil
	}
	return out, s.explainPhased(ctx, facts.OS.Ecosystem, out.Updates.Updates)
}

// explainPhased adds the share a phased update is offered to, which moves and is therefore not in the section.
func (s *Service) explainPhased(ctx context.Context, ecosystem string, updates []apiv1.Update) error {
	phased := slices.ContainsFunc(updates, func(u apiv1.Update) bool { return u.State == apiv1.UpdatePhased })
	if !phased {
		return nil
	}
	shares, err := s.store.PhasedShares(ctx, ecosystem)
	if err != nil {
		return fmt.Errorf("reading phasing of %s: %w", ecosystem, err)
	}
	percent := map[phasedVersion]int{}
	for _, p := range shares {
		percent[phasedVersion{p.Ecosystem, p.Name, p.Version}] = p.Percent
	}
	for i, u := range updates {
		if share, ok := percent[phasedVersion{ecosystem, u.Name, u.To}]; ok && u.State == apiv1.UpdatePhased {
			updates[i].Reason = fmt.Sprintf("phased: offered to %d %% of machines so far, not to this one", share)
		}
	}
	return nil
}
