-- +goose Up
-- Overlays say which kind they are, and there is more than one feed of them.
UPDATE overlays SET body = '{"cve":"' || cve || '","kev":' || body || '}';

-- How long a release of a product is looked after. Same intervals, same cursor as overlays; key is product:release.
CREATE TABLE lifecycles (
  feed     TEXT NOT NULL,
  key      TEXT NOT NULL,
  from_at  BIGINT NOT NULL,
  to_at    BIGINT,
  from_seq BIGINT NOT NULL,
  to_seq   BIGINT,
  body     TEXT NOT NULL,
  PRIMARY KEY (feed, key, from_at)
);
CREATE UNIQUE INDEX lifecycles_open ON lifecycles (feed, key) WHERE to_at IS NULL;

-- What each feed held after each import that brought a file, for questions about the past. An import before this table was made
-- is taken to have been when its first record was.
CREATE TABLE feed_imports (
  feed       TEXT NOT NULL,
  at         BIGINT NOT NULL,
  seq        BIGINT NOT NULL,
  records    BIGINT NOT NULL,
  ecosystems TEXT NOT NULL,
  as_of      BIGINT,
  PRIMARY KEY (feed, at)
);
INSERT INTO feed_imports (feed, at, seq, records, ecosystems, as_of)
SELECT f.name, MIN(a.from_at), MIN(a.from_seq), f.records, f.ecosystems, f.as_of
FROM feeds f JOIN (SELECT feed, from_at, from_seq FROM advisories UNION ALL SELECT feed, from_at, from_seq FROM overlays) a ON a.feed = f.name
GROUP BY f.name, f.records, f.ecosystems, f.as_of;

-- A machine that enrolls again is recognised without going through the fleet.
CREATE INDEX hosts_machine ON hosts (machine_id);

-- What is known of the CVEs of a new advisory.
CREATE INDEX overlays_cve ON overlays (cve) WHERE to_at IS NULL;

-- The fleet at the end of each day that is over. A cache: delete any of it, and it is counted again.
CREATE TABLE daily_totals (
  day  TEXT PRIMARY KEY,
  body TEXT NOT NULL
);

-- +goose Down
DROP TABLE daily_totals;
DROP INDEX overlays_cve;
DROP INDEX hosts_machine;
DROP TABLE feed_imports;
DROP TABLE lifecycles;
