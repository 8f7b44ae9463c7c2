package store

import (
	"context"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/fault"
	"github.com/staunch-dev/staunch/internal/inventory"
)

// openCodec makes the compressor of section bodies and advisories. Both halves are used through EncodeAll and DecodeAll only, which may
// run at the same time and keep no goroutine.
func (s *Store) openCodec() (err error) {
	if s.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return err
	}
	s.decoder, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(apiv1.MaxSectionBytes))
	return err
}

// pack compresses JSON; nil stays nil. What unpack would refuse to make again is fault.TooLarge.
func (s *Store) pack(json []byte) ([]byte, error) {
	if len(json) > apiv1.MaxSectionBytes {
		return nil, fault.New(fault.TooLarge, "%d bytes are too many to store: the limit is %d", len(json), apiv1.MaxSectionBytes)
	}
	if json == nil {
		return nil, nil
	}
	return s.encoder.EncodeAll(json, nil), nil
}

func (s *Store) unpack(body []byte) ([]byte, error) { return s.decoder.DecodeAll(body, nil) }

// HasBody answers: do we have this body already?
func (s *Store) HasBody(ctx context.Context, section, digest string) (bool, error) {
	has, err := hasBody(ctx, s.reader, section, digest)
	return has, wrap("has body", err)
}

func hasBody(ctx context.Context, h handle, section, digest string) (bool, error) {
	return one(ctx, h, scalar[bool], `SELECT EXISTS (SELECT 1 FROM section_bodies WHERE section = $1 AND digest = $2)`, section, digest)
}

// SectionJSON answers: what are the exact bytes with this digest, of a section other than packages?
func (s *Store) SectionJSON(ctx context.Context, section, digest string) ([]byte, error) {
	body, err := s.body(ctx, section, digest)
	if err == nil {
		body, err = s.unpack(body)
	}
	return body, wrap("section", err)
}

// PackageSet answers: which packages are in the set with this digest? Ascending.
func (s *Store) PackageSet(ctx context.Context, digest string) ([]inventory.PackageID, error) {
	body, err := s.body(ctx, apiv1.SectionPackages, digest)
	if err != nil {
		return nil, wrap("package set", err)
	}
	ids, err := inventory.DecodeSet(body)
	return ids, wrap("package set", err)
}

// body is a body as it is stored.
func (s *Store) body(ctx context.Context, section, digest string) ([]byte, error) {
	body, err := one(ctx, s.reader, scalar[[]byte], `SELECT body FROM section_bodies WHERE section = $1 AND digest = $2`, section, digest)
	return body, orNotFound(err, section+" body", digest)
}

// OpenPackageSets answers: which package set does every host that exists have now? (A deleted host has no open section.)
func (s *Store) OpenPackageSets(ctx context.Context) ([]inventory.HostSet, error) {
	sets, err := list(ctx, s.reader, func(r scanner) (h inventory.HostSet, err error) {
		err = r.Scan(&h.HostID, &h.Digest)
		return h, err
	}, `SELECT host_id, digest FROM host_sections WHERE section = 'packages' AND to_at IS NULL ORDER BY host_id`)
	return sets, wrap("open package sets", err)
}

// OpenBodies streams the present body of one section, other than packages, of every host that exists. Hosts with equal bodies come one
// after the other and get the same slice, which fn must not change. fn may read from the store.
func (s *Store) OpenBodies(ctx context.Context, section string, fn func(hostID string, from time.Time, digest string, json []byte) error) error {
	return wrap("open bodies", s.eachBody(ctx, fn, `
		SELECT i.host_id, i.from_at, i.digest, b.body
		FROM host_sections i JOIN section_bodies b ON b.section = i.section AND b.digest = i.digest
		WHERE i.section = $1 AND i.to_at IS NULL ORDER BY i.digest, i.host_id`, section))
}

// eachBody unpacks equal bodies once: the query gives them one after the other.
func (s *Store) eachBody(ctx context.Context, fn func(hostID string, from time.Time, digest string, json []byte) error, query string, args ...any) error {
	var lastDigest string
	var json []byte
	return each(ctx, s.reader, func(r scanner) error {
		var host, digest string
		var from time.Time
		var body []byte
		if err := r.Scan(&host, instant{&from}, &digest, &body); err != nil {
			return err
		}
		if json == nil || digest != lastDigest {
			var err error
			if json, err = s.unpack(body); err != nil {
				return err
			}
			lastDigest = digest
		}
		return fn(host, from, digest, json)
	}, query, args...)
}
