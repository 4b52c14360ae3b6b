-- The feed of changes, for systems that follow the documents: one entry for each document, of its last commit. It is written
-- by triggers, which are disabled until a node wants the feed, so that the commits of all nodes are in it, whatever their
-- configuration. Entries are read in the order of (xid, position), and only those of transactions before which none runs
-- any more: so no entry can appear before one that was read.

CREATE TABLE change_feed (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  -- Names the feed. Another name when commits may not have been recorded.
  name text NOT NULL,
  -- The greatest place of an entry that was removed.
  floor_xid bigint NOT NULL DEFAULT 0,
  floor_position bigint NOT NULL DEFAULT 0,
  -- Until when a node wants the feed.
  wanted_until timestamptz NOT NULL DEFAULT '-infinity'
);

INSERT INTO change_feed (name) VALUES ('none');

CREATE SEQUENCE changes_position;

CREATE TABLE changes (
  document_id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL,
  commit bigint NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  position bigint NOT NULL DEFAULT nextval('changes_position')
);

CREATE UNIQUE INDEX changes_order ON changes (xid, position);

-- The documents are locked by their rows, and so are their entries.
CREATE FUNCTION synckit_record_inserted() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO changes AS stored (document_id, kind, commit)
  SELECT id, 'changed', commits FROM new_rows ORDER BY id COLLATE "C"
  ON CONFLICT (document_id) DO UPDATE SET kind = excluded.kind, commit = excluded.commit,
    changed_at = excluded.changed_at, xid = excluded.xid, position = excluded.position;
  RETURN NULL;
END
$$;

CREATE FUNCTION synckit_record_updated() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  INSERT INTO changes AS stored (document_id, kind, commit)
  SELECT after.id,
    CASE
      WHEN after.erased_at IS DISTINCT FROM before.erased_at THEN 'erased'
      WHEN after.deleted_at IS NOT NULL THEN 'deleted'
      WHEN before.deleted_at IS NOT NULL THEN 'restored'
      ELSE 'changed'
    END,
    after.commits
  FROM new_rows AS after JOIN old_rows AS before ON before.id = after.id
  WHERE after.commits <> before.commits
  ORDER BY after.id COLLATE "C"
  ON CONFLICT (document_id) DO UPDATE SET kind = excluded.kind, commit = excluded.commit,
    changed_at = excluded.changed_at, xid = excluded.xid, position = excluded.position;
  RETURN NULL;
END
$$;

CREATE TRIGGER record_inserted AFTER INSERT ON documents
  REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION synckit_record_inserted();

CREATE TRIGGER record_updated AFTER UPDATE ON documents
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION synckit_record_updated();

ALTER TABLE documents DISABLE TRIGGER record_inserted, DISABLE TRIGGER record_updated;

COMMENT ON TABLE change_feed IS 'SyncKit: the state of the feed of changes';
COMMENT ON TABLE changes IS 'SyncKit: the last commit of each document, in the order of the feed';
COMMENT ON FUNCTION synckit_record_inserted IS 'SyncKit: records commits of new documents in the feed of changes';
COMMENT ON FUNCTION synckit_record_updated IS 'SyncKit: records commits in the feed of changes';

-- Deliveries to the webhook. Times are in milliseconds since the epoch, but for the lease, which is by the clock of the database.

CREATE TABLE webhook_state (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  -- Up to where in the feed of changes all is delivered, or known as failed.
  cursor text,
  -- Which process delivers, and until when.
  holder text,
  held_until timestamptz NOT NULL DEFAULT '-infinity',
  -- Grows when events that were given up are to be tried again.
  revision bigint NOT NULL DEFAULT 0
);

INSERT INTO webhook_state DEFAULT VALUES;

-- Events that could not be delivered: the last one of each document.
CREATE TABLE webhook_events (
  document_id text COLLATE "C" PRIMARY KEY,
  is_dead boolean NOT NULL,
  kind text NOT NULL,
  commit bigint NOT NULL,
  changed_at bigint NOT NULL,
  attempts integer NOT NULL,
  next_at bigint NOT NULL,
  reason text NOT NULL
);

CREATE INDEX webhook_events_dead ON webhook_events (document_id) WHERE is_dead;

COMMENT ON TABLE webhook_state IS 'SyncKit: how far deliveries to the webhook are';
COMMENT ON TABLE webhook_events IS 'SyncKit: deliveries that failed';
