-- Documents, the fields of their objects, and the parts of their collaborative texts.
-- Strings are compared by their UTF-8 bytes everywhere, hence COLLATE "C".

CREATE TABLE documents (
  id text COLLATE "C" PRIMARY KEY,
  -- The last L that a node gave a write of the document.
  stamp bigint NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- No foreign keys: a row is always written together with its document's, and looking that up once more for each row
-- would cost as much as writing it.
CREATE TABLE fields (
  document_id text COLLATE "C" NOT NULL,
  path text COLLATE "C" NOT NULL,
  value jsonb NOT NULL,
  -- The exact text of the value where jsonb writes it in another way: the order of writes compares its bytes.
  raw text COLLATE "C",
  deleted boolean NOT NULL,
  -- (ts, counter, client_id, text of the value): of two writes the greater one stays.
  ts bigint NOT NULL,
  counter bigint NOT NULL,
  client_id text COLLATE "C" NOT NULL,
  stamp bigint NOT NULL,
  PRIMARY KEY (document_id, path)
);

-- A text is the join of its parts. A node that compacts adds a part and takes away those that it contains.
CREATE TABLE text_updates (
  document_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (document_id, id)
);

-- What is in the bytes is compact already.
ALTER TABLE text_updates ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE VIEW document_state AS
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
FROM documents;

COMMENT ON TABLE documents IS 'SyncKit: one row per document';
COMMENT ON TABLE fields IS 'SyncKit: the last write of each field, removed ones included';
COMMENT ON TABLE text_updates IS 'SyncKit: collaborative texts, in parts that only the server can read';
COMMENT ON VIEW document_state IS 'SyncKit: each document as one JSON object, for reading with SQL';
