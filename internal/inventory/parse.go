package inventory

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/vercmp"
)

// parseSection reads the body of a section as an agent sent it: its digest, its shape, its bounds and its order are checked, and
// packages come out ready to be interned. Anything wrong is a fault.Invalid or fault.TooLarge.
func parseSection(section, digest string, body []byte) (Body, error) {
	if len(body) > apiv1.MaxSectionBytes {
		return Body{}, fault.New(fault.TooLarge, "section %s is %d bytes; at most %d are taken", section, len(body), apiv1.MaxSectionBytes)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		return Body{}, fault.New(fault.Invalid, "section %s: its bytes do not have the digest %q", section, digest)
	}
	out := Body{Section: section, Digest: digest, JSON: body}
	switch section {
	case apiv1.SectionPackages:
		var in apiv1.Packages
		if err := decode(section, body, &in); err != nil {
			return Body{}, err
		}
		if err := ascending(section, in.Packages, comparePackages, false); err != nil {
			return Body{}, err
		}
		return Body{Section: section, Digest: digest, Packages: Convert(in)}, nil
	case apiv1.SectionUpdates:
		var in apiv1.Updates
		if err := decode(section, body, &in); err != nil {
			return Body{}, err
		}
		return out, ascending(section, in.Updates, func(a, b apiv1.Update) int {
			return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Action, b.Action))
		}, false)
	case apiv1.SectionRepositories:
		var in apiv1.Repositories
		if err := decode(section, body, &in); err != nil {
			return Body{}, err
		}
		return out, ascending(section, in.Repositories, func(a, b apiv1.Repository) int { return strings.Compare(a.ID, b.ID) }, true)
	case apiv1.SectionFacts:
		return out, decode(section, body, &apiv1.Facts{})
	case apiv1.SectionHardware:
		return out, decode(section, body, &apiv1.Hardware{})
	}
	return Body{}, fault.New(fault.Invalid, "there is no section %q", section)
}

// decode reads exactly one JSON value into a message of apiv1 and checks its bounds. Unknown fields are ignored: agents may be newer.
func decode(section string, body []byte, into any) error {
	if !utf8.Valid(body) { // encoding/json would replace what is not UTF-8 and say nothing
		return fault.New(fault.Invalid, "section %s is not UTF-8", section)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(into); err != nil {
		return fault.Wrap(err, fault.Invalid, "section %s is not the JSON it should be", section)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "section %s has something after its JSON", section)
	}
	return bounded(into)
}

// ascending refuses entries that are not sorted. Order is part of the digest, so an agent that does not sort would send news for ever.
func ascending[T any](section string, entries []T, compare func(a, b T) int, repeats bool) error {
	for i := 1; i < len(entries); i++ {
		if c := compare(entries[i-1], entries[i]); c > 0 || (c == 0 && !repeats) {
			return fault.New(fault.Invalid, "section %s: entry %d is not after the one before it", section, i)
		}
	}
	return nil
}

func comparePackages(a, b apiv1.Package) int {
	return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Version, b.Version), strings.Compare(a.Ecosystem, b.Ecosystem))
}

// Convert makes the packages of a section ready to be interned: defaults filled in, order keys made. A version that its ecosystem
// does not know how to order keeps its package and has no key. It never gives nil, so that no packages differs from no body.
func Convert(in apiv1.Packages) []Package {
	out := make([]Package, 0, len(in.Packages))
	for _, p := range in.Packages {
		ecosystem := cmp.Or(p.Ecosystem, in.Ecosystem)
		scheme, ordered := vercmp.ForEcosystem(ecosystem)
		q := Package{
			Ecosystem: ecosystem, Name: p.Name, Arch: p.Arch, Version: p.Version,
			Source: cmp.Or(p.Source, p.Name), SourceVersion: cmp.Or(p.SourceVersion, p.Version),
			Stream: p.Stream, Origin: p.Origin,
		}
		if ordered {
			q.VersionKey = orderKey(scheme, q.Version)
			q.SourceKey = q.VersionKey
			if q.SourceVersion != q.Version {
				q.SourceKey = orderKey(scheme, q.SourceVersion)
			}
		}
		out = append(out, q)
	}
	return out
}

// orderKey is nil where a version has no key.
func orderKey(scheme vercmp.Scheme, version string) []byte {
	key, err := vercmp.Key(scheme, version)
	if err != nil {
		return nil
	}
	return key
}
