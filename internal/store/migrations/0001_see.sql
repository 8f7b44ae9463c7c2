-- +goose Up
-- One text for SQLite and PostgreSQL. Times are BIGINT microseconds UTC; ids are text made by us (packages and host ordinals excepted);
-- enums are text with CHECK; labels and event data are JSON text with sorted keys.

-- Numbers we hand out ourselves, so that both databases agree: change sequence, package ids, host ordinals.
-- The row is locked by the UPDATE that takes from it, inside the writing transaction: seq order is commit order.
CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('change', 0), ('package', 0), ('host', 0), ('event', 0);

-- Every state change, in order; each server process follows it by cursor to keep its indexes in step. Old rows may be pruned.
CREATE TABLE changes (
  seq  BIGINT PRIMARY KEY,
  at   BIGINT NOT NULL,
  kind TEXT NOT NULL,
  ref  TEXT NOT NULL
);

-- Append-only; hash covers the row and the hash before it.
CREATE TABLE events (
  seq     BIGINT PRIMARY KEY,
  at      BIGINT NOT NULL,
  kind    TEXT NOT NULL,
  actor   TEXT NOT NULL,
  host_id TEXT NOT NULL,
  text    TEXT NOT NULL,
  data    TEXT NOT NULL,
  hash    TEXT NOT NULL
);
CREATE INDEX events_host ON events (host_id, seq);

-- Interned: what 90,000 hosts share is here once. *_key is an order-preserving byte string, NULL where the version has none.
CREATE TABLE packages (
  id             BIGINT PRIMARY KEY,
  ecosystem      TEXT NOT NULL,
  name           TEXT NOT NULL,
  arch           TEXT NOT NULL,
  version        TEXT NOT NULL,
  version_key    BYTEA,
  source         TEXT NOT NULL,
  source_version TEXT NOT NULL,
  source_key     BYTEA,
  stream         TEXT NOT NULL,
  origin         TEXT NOT NULL
);
CREATE UNIQUE INDEX packages_identity ON packages (ecosystem, name, arch, version, source, source_version, stream, origin);

CREATE TABLE hosts (
  id            TEXT PRIMARY KEY,
  ordinal       BIGINT NOT NULL UNIQUE,
  name          TEXT NOT NULL,
  machine_id    TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'revoked')),
  labels        TEXT NOT NULL,
  token_id      TEXT NOT NULL,
  agent_version TEXT NOT NULL,
  enrolled_at   BIGINT NOT NULL,
  approved_at   BIGINT,
  approved_by   TEXT NOT NULL,
  deleted_at    BIGINT
);
CREATE INDEX hosts_live ON hosts (deleted_at, name);

-- Certificates by serial (hex). superseded_at is set when the server first sees the next one.
CREATE TABLE host_certs (
  serial        TEXT PRIMARY KEY,
  host_id       TEXT NOT NULL REFERENCES hosts (id),
  issued_at     BIGINT NOT NULL,
  not_after     BIGINT NOT NULL,
  superseded_at BIGINT
);
CREATE INDEX host_certs_host ON host_certs (host_id, not_after);

-- Moving values: last value only, outside digests. Written in batches, and the only thing an unchanged check-in writes.
CREATE TABLE host_vitals (
  host_id       TEXT PRIMARY KEY REFERENCES hosts (id),
  last_seen     BIGINT NOT NULL,
  agent_version TEXT NOT NULL,
  vitals        TEXT NOT NULL,
  vitals_at     BIGINT
);
CREATE INDEX host_vitals_seen ON host_vitals (last_seen); -- every process asks again and again who was heard of since
CREATE TABLE phasing (
  ecosystem TEXT NOT NULL,
  name      TEXT NOT NULL,
  version   TEXT NOT NULL,
  percent   BIGINT NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (ecosystem, name, version)
);

-- What each host had, from when to when: one interval per section. to_at NULL is now.
CREATE TABLE host_sections (
  host_id TEXT NOT NULL REFERENCES hosts (id),
  section TEXT NOT NULL CHECK (section IN ('packages', 'updates', 'facts', 'hardware', 'repositories')),
  from_at BIGINT NOT NULL,
  to_at   BIGINT,
  digest  TEXT NOT NULL,
  PRIMARY KEY (host_id, section, from_at)
);
CREATE UNIQUE INDEX host_sections_open ON host_sections (host_id, section) WHERE to_at IS NULL;
CREATE INDEX host_sections_digest ON host_sections (digest);

-- Bodies, content-addressed by the sha256 of the exact JSON, zstd-compressed. For packages the body is the set of interned ids
-- (inventory.EncodeSet), from which the JSON can be made again.
CREATE TABLE section_bodies (
  section TEXT NOT NULL,
  digest  TEXT NOT NULL,
  body    BYTEA NOT NULL,
  size    BIGINT NOT NULL,
  PRIMARY KEY (section, digest)
);

CREATE TABLE enroll_tokens (
  id          TEXT PRIMARY KEY,
  secret_hash TEXT NOT NULL,
  labels      TEXT NOT NULL,
  approve     BOOLEAN NOT NULL,
  uses        BIGINT NOT NULL,
  uses_left   BIGINT NOT NULL CHECK (uses_left >= 0),
  created_at  BIGINT NOT NULL,
  created_by  TEXT NOT NULL,
  expires_at  BIGINT NOT NULL,
  revoked_at  BIGINT
);

CREATE TABLE users (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  role          TEXT NOT NULL CHECK (role IN ('admin', 'operator', 'viewer')),
  password_hash TEXT NOT NULL,
  must_change   BOOLEAN NOT NULL,
  created_at    BIGINT NOT NULL,
  changed_at    BIGINT NOT NULL
);
-- Console sessions and API tokens: the secret is stored as its sha256 (it has 128 random bits, so it needs no slow hash).
CREATE TABLE sessions (
  secret_hash TEXT PRIMARY KEY,
  user_id     TEXT NOT NULL REFERENCES users (id),
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL
);
CREATE TABLE api_tokens (
  id          TEXT PRIMARY KEY,
  secret_hash TEXT NOT NULL UNIQUE,
  user_id     TEXT NOT NULL REFERENCES users (id),
  name        TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  expires_at  BIGINT NOT NULL,
  last_used   BIGINT,
  revoked_at  BIGINT
);

-- What was known about packages, from when to when. A revision is opened when a field used in matching or priority changes;
-- to_at NULL is what is known now. seq says at which change it opened and closed, for indexes that follow.
CREATE TABLE advisories (
  feed     TEXT NOT NULL,
  id       TEXT NOT NULL,
  from_at  BIGINT NOT NULL,
  to_at    BIGINT,
  from_seq BIGINT NOT NULL,
  to_seq   BIGINT,
  digest   TEXT NOT NULL,
  body     BYTEA NOT NULL,
  PRIMARY KEY (feed, id, from_at)
);
CREATE UNIQUE INDEX advisories_open ON advisories (feed, id) WHERE to_at IS NULL;
CREATE INDEX advisories_seq ON advisories (from_seq);
CREATE INDEX advisories_to_seq ON advisories (to_seq) WHERE to_seq IS NOT NULL;

-- Facts by CVE that are not advisories: KEV now; EPSS and SSVC later. Same intervals, same cursor.
CREATE TABLE overlays (
  feed     TEXT NOT NULL,
  cve      TEXT NOT NULL,
  from_at  BIGINT NOT NULL,
  to_at    BIGINT,
  from_seq BIGINT NOT NULL,
  to_seq   BIGINT,
  body     TEXT NOT NULL,
  PRIMARY KEY (feed, cve, from_at)
);
CREATE UNIQUE INDEX overlays_open ON overlays (feed, cve) WHERE to_at IS NULL;
CREATE INDEX overlays_seq ON overlays (from_seq);
CREATE INDEX overlays_to_seq ON overlays (to_seq) WHERE to_seq IS NOT NULL;

-- A feed's state. next_due is the truth about when to fetch; a job is only a nudge to look.
CREATE TABLE feeds (
  name          TEXT PRIMARY KEY,
  url           TEXT NOT NULL,
  etag          TEXT NOT NULL,
  last_modified TEXT NOT NULL,
  sha256        TEXT NOT NULL,
  records       BIGINT NOT NULL,
  skipped       BIGINT NOT NULL,
  problems      TEXT NOT NULL,
  ecosystems    TEXT NOT NULL,
  as_of         BIGINT,
  changed_at    BIGINT,
  attempted_at  BIGINT,
  error         TEXT NOT NULL,
  next_due      BIGINT NOT NULL
);

-- +goose Down
DROP TABLE feeds;
DROP TABLE overlays;
DROP TABLE advisories;
DROP TABLE api_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE enroll_tokens;
DROP TABLE section_bodies;
DROP TABLE host_sections;
DROP TABLE phasing;
DROP TABLE host_vitals;
DROP TABLE host_certs;
DROP TABLE hosts;
DROP TABLE packages;
DROP TABLE events;
DROP TABLE changes;
DROP TABLE counters;
