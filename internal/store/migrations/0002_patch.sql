-- +goose Up
-- Plan, run, rollout. States are the words of apiv1; every head has a version for compare-and-set.

CREATE TABLE plans (
  id          TEXT PRIMARY KEY,
  state       TEXT NOT NULL CHECK (state IN ('simulating', 'ready', 'approved', 'canceled')),
  spec        TEXT NOT NULL,
  created_at  BIGINT NOT NULL,
  created_by  TEXT NOT NULL,
  deadline    BIGINT NOT NULL,
  approved_at BIGINT,
  approved_by TEXT NOT NULL,
  not_after   BIGINT,
  bytes       BYTEA,
  hash        TEXT NOT NULL,
  version     BIGINT NOT NULL
);
CREATE TABLE simulations (
  id          TEXT PRIMARY KEY,
  plan_id     TEXT NOT NULL REFERENCES plans (id),
  key         TEXT NOT NULL,
  host_id     TEXT NOT NULL,
  request     TEXT NOT NULL,
  answer      TEXT,
  asked_at    BIGINT NOT NULL,
  answered_at BIGINT,
  attempts    BIGINT NOT NULL,
  fixes       TEXT NOT NULL,
  UNIQUE (plan_id, key)
);
CREATE INDEX simulations_open ON simulations (host_id) WHERE answered_at IS NULL;
CREATE TABLE plan_hosts (
  plan_id       TEXT NOT NULL REFERENCES plans (id),
  host_id       TEXT NOT NULL,
  host_name     TEXT NOT NULL,
  simulation_id TEXT NOT NULL,
  state         TEXT NOT NULL CHECK (state IN ('waiting', 'simulated', 'nothing to do', 'refused', 'not simulated')),
  reason        TEXT NOT NULL,
  lock          TEXT NOT NULL,
  PRIMARY KEY (plan_id, host_id)
);
-- Locks are content-addressed by the sha256 of their exact bytes and never change.
CREATE TABLE locks (
  hash TEXT PRIMARY KEY,
  body BYTEA NOT NULL
);
CREATE TABLE plan_signatures (
  plan_id     TEXT NOT NULL REFERENCES plans (id),
  fingerprint TEXT NOT NULL,
  principal   TEXT NOT NULL,
  armored     TEXT NOT NULL,
  at          BIGINT NOT NULL,
  PRIMARY KEY (plan_id, fingerprint)
);

CREATE TABLE rollouts (
  id             TEXT PRIMARY KEY,
  plan_id        TEXT NOT NULL REFERENCES plans (id),
  state          TEXT NOT NULL CHECK (state IN ('running', 'halted', 'aborting', 'aborted', 'completed')),
  reason         TEXT NOT NULL,
  max_concurrent BIGINT NOT NULL CHECK (max_concurrent > 0),
  started_at     BIGINT NOT NULL,
  started_by     TEXT NOT NULL,
  ended_at       BIGINT,
  version        BIGINT NOT NULL
);
CREATE INDEX rollouts_plan ON rollouts (plan_id);
CREATE TABLE runs (
  id          TEXT PRIMARY KEY,
  rollout_id  TEXT NOT NULL REFERENCES rollouts (id),
  plan_id     TEXT NOT NULL REFERENCES plans (id),
  host_id     TEXT NOT NULL,
  host_name   TEXT NOT NULL,
  lock        TEXT NOT NULL REFERENCES locks (hash),
  leaf_index  BIGINT NOT NULL,
  state       TEXT NOT NULL CHECK (state IN ('pending', 'offered', 'preparing', 'applying', 'verifying', 'rebooting', 'uncertain',
                                             'succeeded', 'failed', 'plan_stale', 'lost', 'canceled')),
  reason      TEXT NOT NULL,
  epoch       BIGINT NOT NULL,
  grant_bytes BYTEA,
  grant_sig   TEXT NOT NULL,
  granted_at  BIGINT,
  accepted_at BIGINT,
  ended_at    BIGINT,
  last_word   BIGINT,
  acked       BIGINT NOT NULL,
  step        TEXT NOT NULL,
  outcome     TEXT,
  proven_at   BIGINT,
  UNIQUE (rollout_id, host_id)
);
CREATE INDEX runs_host ON runs (host_id, id);
CREATE INDEX runs_open ON runs (id) WHERE state IN ('offered', 'preparing', 'applying', 'verifying', 'rebooting', 'uncertain');
CREATE INDEX runs_unproven ON runs (id) WHERE state = 'succeeded' AND proven_at IS NULL;
-- One run holds a host at a time. The row stays while the run is in flight, and while it is lost, until it is reconciled or released.
CREATE TABLE host_claims (
  host_id TEXT PRIMARY KEY,
  run_id  TEXT NOT NULL REFERENCES runs (id),
  at      BIGINT NOT NULL
);
-- The highest epoch ever granted to a host; it outlives runs and claims.
CREATE TABLE host_epochs (
  host_id TEXT PRIMARY KEY,
  epoch   BIGINT NOT NULL
);
CREATE TABLE run_steps (
  run_id     TEXT NOT NULL REFERENCES runs (id),
  name       TEXT NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('started', 'done', 'failed', 'skipped')),
  started_at BIGINT NOT NULL,
  ended_at   BIGINT,
  text       TEXT NOT NULL,
  PRIMARY KEY (run_id, name)
);
CREATE TABLE run_log (
  run_id TEXT NOT NULL REFERENCES runs (id),
  number BIGINT NOT NULL,
  line   TEXT NOT NULL,
  PRIMARY KEY (run_id, number)
);

-- +goose Down
DROP TABLE run_log;
DROP TABLE run_steps;
DROP TABLE host_epochs;
DROP TABLE host_claims;
DROP TABLE runs;
DROP TABLE rollouts;
DROP TABLE plan_signatures;
DROP TABLE locks;
DROP TABLE plan_hosts;
DROP TABLE simulations;
DROP TABLE plans;
