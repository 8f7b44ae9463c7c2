package fleetgen

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/staunch-dev/staunch/internal/apiv1"
	"github.com/staunch-dev/staunch/internal/store"
)

// Progress is told what is being done and how far it is.
type Progress func(doing string, done, of int)

// Write makes a SQLite database of a fleet, without its advisories. The rows are those that enrolling and accepting sections would leave,
// but for the log and the changes that led there: written through the store each of the 400,000 sections of 100,000 hosts would wait for
// the disk. A file that it leaves behind with an error is broken.
func (f *Fleet) Write(ctx context.Context, path string, progress Progress) error {
	s, err := store.Open(ctx, store.Config{Path: path})
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	// No journal: what is written is written once, and a run that fails is begun anew.
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(off)&_pragma=synchronous(0)&_pragma=cache_size(-200000)")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	index, err := withoutIndexes(ctx, db, "host_sections", "host_vitals", "hosts")
	if err != nil {
		return err
	}
	w, err := newRows(ctx, db)
	if err != nil {
		return err
	}
	if err := f.write(w, progress); err != nil {
		return errors.Join(err, w.tx.Rollback())
	}
	if err := w.tx.Commit(); err != nil {
		return err
	}
	for i, one := range index {
		progress("indexes made", i, len(index))
		if _, err := db.ExecContext(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// withoutIndexes drops the indexes of some tables and gives the statements that make them again: sorted at the end they take a fraction of
// the time that inserting into them in no order takes, once they are larger than the cache.
func withoutIndexes(ctx context.Context, db *sql.DB, tables ...string) (made []string, err error) {
	for _, table := range tables {
		names, texts, err := indexesOf(ctx, db, table)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if _, err := db.ExecContext(ctx, "DROP INDEX "+name); err != nil {
				return nil, err
			}
		}
		made = append(made, texts...)
	}
	return made, nil
}

func indexesOf(ctx context.Context, db *sql.DB, table string) (names, texts []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?`, table)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, nil, err
		}
		names, texts = append(names, name), append(texts, text)
	}
	return names, texts, rows.Err()
}

// rows inserts with one prepared statement for each table.
type rows struct {
	ctx     context.Context //nolint:containedctx // of one run
	tx      *sql.Tx
	zstd    *zstd.Encoder
	stmts   map[string]*sql.Stmt
	offered map[string]bool // digests of updates that are written
}

func newRows(ctx context.Context, db *sql.DB) (*rows, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	w := &rows{ctx: ctx, tx: tx, zstd: encoder, stmts: map[string]*sql.Stmt{}, offered: map[string]bool{}}
	for table, columns := range map[string]int{"packages": 11, "hosts": 12, "host_sections": 5, "section_bodies": 4, "host_vitals": 5} {
		marks := "?"
		for range columns - 1 {
			marks += ", ?"
		}
		if w.stmts[table], err = tx.PrepareContext(ctx, "INSERT INTO "+table+" VALUES ("+marks+")"); err != nil { //nolint:sqlclosecheck // closed with the transaction
			return nil, err
		}
	}
	return w, nil
}

func (w *rows) add(table string, values ...any) error {
	_, err := w.stmts[table].ExecContext(w.ctx, values...)
	return err
}

func (w *rows) body(section, digest string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return w.add("section_bodies", section, digest, w.zstd.EncodeAll(text, nil), len(text))
}

func (f *Fleet) write(w *rows, progress Progress) error {
	for _, p := range f.Packages {
		if err := w.add("packages", int64(p.ID), p.Ecosystem, p.Name, p.Arch, p.Version, nil, p.Source, p.SourceVersion, nil, p.Stream, p.Origin); err != nil {
			return err
		}
	}
	for n, set := range f.Sets {
		progress("package sets written", n, len(f.Sets))
		if err := w.add("section_bodies", apiv1.SectionPackages, SetDigest(n), set.Body, len(set.Body)); err != nil {
			return err
		}
	}
	for n := range f.releases {
		repositories := apiv1.Repositories{Repositories: []apiv1.Repository{{ID: fmt.Sprint("http://mirror.example.org ", n), URI: "http://mirror.example.org", Components: []string{"main"}}}}
		if err := w.body(apiv1.SectionRepositories, Digest("repositories", n), repositories); err != nil {
			return err
		}
	}
	for n := range f.Config.Hosts {
		progress("hosts written", n, f.Config.Hosts)
		if err := f.writeHost(w, n); err != nil {
			return err
		}
	}
	for counter, value := range map[string]int{"package": len(f.Packages), "host": f.Config.Hosts} {
		if _, err := w.tx.ExecContext(w.ctx, `UPDATE counters SET value = ? WHERE name = ?`, value, counter); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fleet) writeHost(w *rows, n int) error {
	h, set := f.Host(n), f.SetOf(n)
	labels, err := json.Marshal(h.Labels)
	if err != nil {
		return err
	}
	if err := w.add("hosts", h.ID, h.Ordinal, h.Name, h.MachineID, string(h.State), string(labels), h.TokenID, h.AgentVersion, h.EnrolledAt.UnixMicro(),
		h.ApprovedAt.UnixMicro(), h.ApprovedBy, nil); err != nil {
		return err
	}
	offered, updates := f.UpdatesOf(n)
	if !w.offered[offered] {
		w.offered[offered] = true
		if err := w.body(apiv1.SectionUpdates, offered, updates); err != nil {
			return err
		}
	}
	facts := Digest("facts", n)
	if err := w.body(apiv1.SectionFacts, facts, f.Facts(n)); err != nil {
		return err
	}
	at := h.EnrolledAt.UnixMicro()
	for section, digest := range map[string]string{apiv1.SectionPackages: SetDigest(set), apiv1.SectionUpdates: offered, apiv1.SectionFacts: facts,
		apiv1.SectionRepositories: Digest("repositories", f.Sets[set].Release)} {
		if err := w.add("host_sections", h.ID, section, at, nil, digest); err != nil {
			return err
		}
	}
	seen := f.Seen(n)
	return w.add("host_vitals", h.ID, seen.At.UnixMicro(), seen.AgentVersion, string(seen.Vitals), seen.VitalsAt.UnixMicro())
}

// SetDigest is the digest of a set's packages.
func SetDigest(set int) string { return Digest("packages", set) }
