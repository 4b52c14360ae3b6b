-- What documents were: an entry for each change of a field or of the text, written by the statement that makes the change.
-- Only documents under HISTORY_PREFIXES have any. Times are in milliseconds since the epoch, by the database's clock.

CREATE TABLE histories (
  document_id text COLLATE "C" PRIMARY KEY,
  -- All changes after this time are kept; 0 where none is missing.
  kept_since bigint NOT NULL,
  -- The last commit whose entries were dropped. Of the text, some of them may still be there.
  pruned bigint NOT NULL DEFAULT 0,
  -- Entries of later commits, and when the oldest and the newest of them were made.
  entries bigint NOT NULL DEFAULT 0,
  oldest_at bigint NOT NULL DEFAULT 0,
  newest_at bigint NOT NULL DEFAULT 0,
  -- Updates of the text since it was last kept as a whole, their bytes, and those of that whole; -1 where there is none.
  text_updates bigint NOT NULL DEFAULT 0,
  text_bytes bigint NOT NULL DEFAULT 0,
  whole_bytes bigint NOT NULL DEFAULT -1
);

CREATE TABLE history_entries (
  document_id text COLLATE "C" NOT NULL,
  commit bigint NOT NULL,
  -- Within the commit.
  place integer NOT NULL,
  at bigint NOT NULL,
  -- Of the field; null where the text has changed.
  path text COLLATE "C",
  -- The values as JSON texts, which jsonb would change; null for a field that is not there.
  before text,
  after text,
  user_id text,
  client_id text,
  -- Of a change of the text: who wrote it, and what it adds.
  authors json,
  bytes bytea,
  PRIMARY KEY (document_id, commit, place)
);

-- The text as it was before a commit, in the updates that it was joined of.
CREATE TABLE history_wholes (
  document_id text COLLATE "C" NOT NULL,
  commit bigint NOT NULL,
  place integer NOT NULL,
  at bigint NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (document_id, commit, place)
);

ALTER TABLE history_entries ALTER COLUMN bytes SET STORAGE EXTERNAL;
ALTER TABLE history_wholes ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Adds what a statement is about to change. The documents are locked, and nothing of the statement is written yet.
-- Volatile, so that it sees what was committed while the statement waited for the locks.
--
-- former: document → when it was written before. numbers: document → number of the commit. Of the rows of one field, all
-- but the greatest were replaced before they were stored. An empty user is none. max_updates and min_bytes: when a text
-- is kept as a whole. Returns how many entries were added, and the bytes of their values.
CREATE FUNCTION synckit_record_history(
  former jsonb, numbers jsonb,
  row_documents text[], row_paths text[], row_values text[], row_deleted boolean[], row_ts bigint[],
  row_counters bigint[], row_clients text[], row_users text[],
  text_documents text[], text_ids text[], text_authors text[], text_starts integer[], text_lengths integer[],
  all_bytes bytea, max_updates bigint, min_bytes bigint
) RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  clock bigint := floor(extract(epoch FROM clock_timestamp()) * 1000);
  entry_count bigint := 0;
  byte_count bigint := 0;
  one record;
  known histories;
  commit_number bigint;
  next_place integer;
  whole bigint;
BEGIN
  INSERT INTO histories (document_id, kept_since)
  SELECT id, coalesce((former ->> id)::bigint, 0)
  FROM (SELECT DISTINCT id FROM unnest(row_documents || text_documents) AS given (id)) AS given
  ORDER BY id COLLATE "C"
  ON CONFLICT DO NOTHING;

  WITH given AS (
    SELECT * FROM unnest(
      row_documents, row_paths, row_values, row_deleted, row_ts, row_counters, row_clients, row_users
    ) WITH ORDINALITY AS given (document_id, path, value, deleted, ts, counter, client_id, user_id, n)
  ), winner AS (
    SELECT given.*, CASE WHEN stored.deleted THEN NULL ELSE coalesce(stored.raw, stored.value::text) END AS stored_value
    FROM given
    JOIN documents ON documents.id = given.document_id
    LEFT JOIN fields AS stored ON stored.document_id = given.document_id AND stored.path = given.path
    WHERE CASE
      WHEN stored.path IS NULL THEN documents.horizon_ts IS NULL
        OR (given.ts, given.counter, given.client_id COLLATE "C")
          > (documents.horizon_ts, documents.horizon_counter, documents.horizon_client_id)
      ELSE (given.ts, given.counter, given.client_id COLLATE "C", given.value COLLATE "C")
        > (stored.ts, stored.counter, stored.client_id COLLATE "C", coalesce(stored.raw, stored.value::text) COLLATE "C")
    END
  ), step AS (
    SELECT document_id, path, client_id, nullif(user_id, '') AS user_id, n, row_number() OVER chain AS link,
      CASE WHEN deleted THEN NULL ELSE value END AS after,
      CASE WHEN row_number() OVER chain = 1 THEN stored_value
        ELSE lag(CASE WHEN deleted THEN NULL ELSE value END) OVER chain END AS before
    FROM winner
    WINDOW chain AS (
      PARTITION BY document_id, path ORDER BY ts, counter, client_id COLLATE "C", value COLLATE "C"
    )
  ), placed AS (
    SELECT step.*, (numbers ->> step.document_id)::bigint AS number,
      row_number() OVER (PARTITION BY step.document_id ORDER BY link, n) - 1 AS nth
    FROM step WHERE before IS DISTINCT FROM after
  ), added AS (
    INSERT INTO history_entries (document_id, commit, place, at, path, before, after, user_id, client_id)
    SELECT placed.document_id, number,
      nth + (SELECT count(*) FROM history_entries AS own
        WHERE own.document_id = placed.document_id AND own.commit = placed.number),
      greatest(clock, histories.newest_at), path, before, after, user_id, client_id
    FROM placed JOIN histories ON histories.document_id = placed.document_id
    RETURNING document_id, at,
      octet_length(path) + coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0) AS size
  ), counted AS (
    UPDATE histories AS history SET
      entries = history.entries + sums.count,
      oldest_at = CASE WHEN history.entries = 0 THEN sums.at ELSE history.oldest_at END,
      newest_at = sums.at
    FROM (SELECT document_id, count(*) AS count, max(at) AS at, sum(size) AS size FROM added GROUP BY document_id) AS sums
    WHERE history.document_id = sums.document_id
    RETURNING sums.count, sums.size
  )
  SELECT coalesce(sum(counted.count), 0), coalesce(sum(counted.size), 0) INTO entry_count, byte_count FROM counted;

  FOR one IN
    SELECT * FROM unnest(text_documents, text_ids, text_authors, text_starts, text_lengths)
      AS given (document_id, id, authors, start, length)
  LOOP
    -- One that is there is of a commit that is repeated.
    CONTINUE WHEN EXISTS (SELECT FROM text_updates WHERE document_id = one.document_id AND id = one.id);
    SELECT * INTO known FROM histories WHERE document_id = one.document_id;
    commit_number := (numbers ->> one.document_id)::bigint;
    SELECT count(*) INTO next_place FROM history_entries
    WHERE document_id = one.document_id AND commit = commit_number;
    clock := greatest(clock, known.newest_at);
    IF known.text_updates >= max_updates OR known.text_bytes >= greatest(min_bytes, known.whole_bytes)
      OR (known.whole_bytes = -1 AND known.text_updates = 0)
    THEN
      INSERT INTO history_wholes (document_id, commit, place, at, bytes)
      SELECT document_id, commit_number, row_number() OVER (ORDER BY id) - 1, clock, bytes
      FROM text_updates WHERE document_id = one.document_id
      ON CONFLICT DO NOTHING;
      SELECT coalesce(sum(octet_length(bytes)), -1) INTO whole FROM text_updates WHERE document_id = one.document_id;
      known.whole_bytes := whole;
      known.text_updates := 0;
      known.text_bytes := 0;
      byte_count := byte_count + greatest(whole, 0);
    END IF;
    INSERT INTO history_entries (document_id, commit, place, at, authors, bytes)
    VALUES (one.document_id, commit_number, next_place, clock, one.authors::json,
      substring(all_bytes FROM one.start FOR one.length));
    UPDATE histories SET
      entries = entries + 1,
      oldest_at = CASE WHEN entries = 0 THEN clock ELSE oldest_at END,
      newest_at = clock,
      whole_bytes = known.whole_bytes,
      text_updates = known.text_updates + 1,
      text_bytes = known.text_bytes + one.length
    WHERE document_id = one.document_id;
    entry_count := entry_count + 1;
    byte_count := byte_count + one.length;
  END LOOP;
  RETURN ARRAY[entry_count, byte_count];
END
$$;

COMMENT ON TABLE histories IS 'SyncKit: documents with history';
COMMENT ON TABLE history_entries IS 'SyncKit: who changed which field when, from what to what';
COMMENT ON TABLE history_wholes IS 'SyncKit: texts as they were, in parts that only the server can read';
COMMENT ON FUNCTION synckit_record_history IS 'SyncKit: writes the entries of a commit';
