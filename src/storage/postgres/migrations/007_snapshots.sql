-- What documents were at some time. Times are in milliseconds since the epoch, by the clocks of the nodes.

CREATE TABLE snapshots (
  id text COLLATE "C" PRIMARY KEY,
  document_id text COLLATE "C" NOT NULL,
  -- Not jsonb, which would change numbers and the order of keys.
  state json NOT NULL,
  version json NOT NULL,
  size_bytes bigint NOT NULL,
  created_at bigint NOT NULL,
  compressed boolean NOT NULL DEFAULT false,
  -- Whether the server has made it by itself.
  automatic boolean NOT NULL,
  -- The entity tag of the document.
  tag text NOT NULL
);

CREATE INDEX snapshots_document ON snapshots (document_id, created_at, id);
CREATE INDEX snapshots_age ON snapshots (created_at) WHERE automatic;

COMMENT ON TABLE snapshots IS 'SyncKit: what documents were at some time';
