-- Tombstones are forgotten, the oldest first. What was forgotten leaves the horizon: the greatest (ts, counter, client_id)
-- of those tombstones. A write of a field that is not stored counts only beyond it. All four are null where nothing was
-- forgotten yet.
ALTER TABLE documents
  ADD COLUMN horizon_ts bigint,
  ADD COLUMN horizon_counter bigint,
  ADD COLUMN horizon_client_id text COLLATE "C",
  -- The largest stamp of those tombstones.
  ADD COLUMN horizon_stamp bigint;

-- Whether a write of a field is below the horizon and its field is not stored. Volatile, so that it sees what was
-- committed while the statement waited for the lock of the document, and in plpgsql, so that it is never inlined.
CREATE FUNCTION synckit_is_expired(of_document text, of_path text, ts bigint, counter bigint, client_id text)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN EXISTS (
    SELECT FROM documents
    WHERE documents.id = of_document AND documents.horizon_ts IS NOT NULL
      AND (synckit_is_expired.ts, synckit_is_expired.counter, synckit_is_expired.client_id COLLATE "C")
        <= (documents.horizon_ts, documents.horizon_counter, documents.horizon_client_id)
  ) AND NOT EXISTS (
    SELECT FROM fields WHERE fields.document_id = of_document AND fields.path = of_path
  );
END
$$;

COMMENT ON FUNCTION synckit_is_expired IS 'SyncKit: whether a write is older than tombstones that were forgotten';
