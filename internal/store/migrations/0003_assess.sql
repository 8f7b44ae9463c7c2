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

-- +goose Down
DROP TABLE lifecycles;
