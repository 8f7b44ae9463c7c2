package store

import (
	"context"
	"slices"

	"github.com/staunch-dev/staunch/internal/inventory"
)

// chunk is how many rows one statement carries. SQLite looks numbered placeholders up one by one, so that a statement's cost grows with
// the square of their number; 40 rows of 11 are near the best of both (BenchmarkAcceptSectionPackages).
const chunk = 40

// identity is what makes two packages the same one.
type identity struct {
	ecosystem, name, arch, version, source, sourceVersion, stream, origin string
}

func identityOf(p inventory.Package) identity {
	return identity{p.Ecosystem, p.Name, p.Arch, p.Version, p.Source, p.SourceVersion, p.Stream, p.Origin}
}

func (i identity) columns() []any {
	return []any{i.ecosystem, i.name, i.arch, i.version, i.source, i.sourceVersion, i.stream, i.origin}
}

// intern gives every package its id and adds those that no host had before. It runs under the seq's lock, so what is missing when it
// looks is still missing when it adds.
func (t *tx) intern(ctx context.Context, packages []inventory.Package) ([]inventory.PackageID, error) {
	ids := make(map[identity]inventory.PackageID, len(packages))
	unique := make([]inventory.Package, 0, len(packages))
	for _, p := range packages {
		if _, twice := ids[identityOf(p)]; !twice {
			ids[identityOf(p)] = 0
			unique = append(unique, p)
		}
	}
	for part := range slices.Chunk(unique, chunk) {
		if err := t.lookUp(ctx, part, ids); err != nil {
			return nil, err
		}
	}
	missing := slices.DeleteFunc(unique, func(p inventory.Package) bool { return ids[identityOf(p)] != 0 })
	if len(missing) > 0 {
		next, err := take(ctx, t, "package", int64(len(missing)))
		if err != nil {
			return nil, err
		}
		for i := range missing {
			missing[i].ID = inventory.PackageID(next + int64(i))
			ids[identityOf(missing[i])] = missing[i].ID
		}
	}
	for part := range slices.Chunk(missing, chunk) {
		if err := t.addPackages(ctx, part); err != nil {
			return nil, err
		}
	}
	all := make([]inventory.PackageID, 0, len(ids))
	for _, id := range ids {
		all = append(all, id)
	}
	return all, nil
}

// lookUp answers: which of these packages do we know, and by which id?
func (t *tx) lookUp(ctx context.Context, packages []inventory.Package, ids map[identity]inventory.PackageID) error {
	args := make([]any, 0, 8*len(packages))
	for _, p := range packages {
		args = append(args, identityOf(p).columns()...)
	}
	return each(ctx, t, func(r scanner) error {
		var id inventory.PackageID
		var i identity
		err := r.Scan(&id, &i.ecosystem, &i.name, &i.arch, &i.version, &i.source, &i.sourceVersion, &i.stream, &i.origin)
		ids[i] = id
		return err
	}, `
		WITH wanted (ecosystem, name, arch, version, source, source_version, stream, origin) AS (VALUES `+tuples(len(packages), 8)+`)
		SELECT p.id, p.ecosystem, p.name, p.arch, p.version, p.source, p.source_version, p.stream, p.origin
		FROM wanted w JOIN packages p ON p.ecosystem = w.ecosystem AND p.name = w.name AND p.arch = w.arch AND p.version = w.version
			AND p.source = w.source AND p.source_version = w.source_version AND p.stream = w.stream AND p.origin = w.origin`, args...)
}

// addPackages adds packages whose ids are taken.
func (t *tx) addPackages(ctx context.Context, packages []inventory.Package) error {
	args := make([]any, 0, 11*len(packages))
	for _, p := range packages {
		args = append(args, int64(p.ID), p.Ecosystem, p.Name, p.Arch, p.Version, bytes(p.VersionKey), p.Source, p.SourceVersion,
			bytes(p.SourceKey), p.Stream, p.Origin)
	}
	_, err := exec(ctx, t, `
		INSERT INTO packages (id, ecosystem, name, arch, version, version_key, source, source_version, source_key, stream, origin)
		VALUES `+tuples(len(packages), 11), args...)
	return err
}

// Packages answers: what are these ids? In ascending order; unknown ones are left out.
func (s *Store) Packages(ctx context.Context, ids []inventory.PackageID) ([]inventory.Package, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	all := make([]inventory.Package, 0, len(ids))
	for part := range slices.Chunk(ids, 10*chunk) {
		args := make([]any, 0, len(part))
		for _, id := range part {
			args = append(args, int64(id))
		}
		found, err := list(ctx, s.reader, scanPackage, `
			SELECT id, ecosystem, name, arch, version, version_key, source, source_version, source_key, stream, origin
			FROM packages WHERE id IN `+tuples(1, len(part))+` ORDER BY id`, args...)
		if err != nil {
			return nil, wrap("packages", err)
		}
		all = append(all, found...)
	}
	return all, nil
}

// AllPackages answers: which packages come after this id, ascending?
func (s *Store) AllPackages(ctx context.Context, after inventory.PackageID, limit int) ([]inventory.Package, error) {
	all, err := list(ctx, s.reader, scanPackage, `
		SELECT id, ecosystem, name, arch, version, version_key, source, source_version, source_key, stream, origin
		FROM packages WHERE id > $1 ORDER BY id LIMIT $2`, int64(after), bounded(limit))
	return all, wrap("packages", err)
}

func scanPackage(r scanner) (p inventory.Package, err error) {
	err = r.Scan(&p.ID, &p.Ecosystem, &p.Name, &p.Arch, &p.Version, &p.VersionKey, &p.Source, &p.SourceVersion, &p.SourceKey, &p.Stream, &p.Origin)
	return p, err
}
