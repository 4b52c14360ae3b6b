-- A deleted document is kept for a while and can be restored. One that was erased leaves its row: its horizon covers all
-- that was written before, and it takes no text any more, as an old state of the text would bring all of it back.
ALTER TABLE documents
  ADD COLUMN deleted_at timestamptz,
  ADD COLUMN erased_at timestamptz;

CREATE INDEX documents_deleted ON documents (id) WHERE deleted_at IS NOT NULL;

-- Volatile, so that it sees what was committed while its statement waited for the lock of the document.
CREATE FUNCTION synckit_refuse_erased_text() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF EXISTS (SELECT FROM documents WHERE id = NEW.document_id AND erased_at IS NOT NULL) THEN
    RAISE EXCEPTION 'the text of the document was erased' USING ERRCODE = 'SK001';
  END IF;
  RETURN NEW;
END
$$;

CREATE TRIGGER refuse_erased_text BEFORE INSERT ON text_updates
  FOR EACH ROW EXECUTE FUNCTION synckit_refuse_erased_text();

CREATE OR REPLACE VIEW document_state AS
SELECT
  documents.id,
  coalesce(
    (
      SELECT jsonb_object_agg(fields.path, fields.value)
      FROM fields
      WHERE fields.document_id = documents.id AND NOT fields.deleted
    ),
    '{}'
  ) AS state,
  documents.stamp,
  documents.created_at,
  documents.updated_at
FROM documents
WHERE documents.deleted_at IS NULL;

COMMENT ON COLUMN documents.deleted_at IS 'SyncKit: since when the document is deleted';
COMMENT ON COLUMN documents.erased_at IS 'SyncKit: when what the document held was erased';
COMMENT ON FUNCTION synckit_refuse_erased_text IS 'SyncKit: keeps erased texts from coming back';
