-- Each commit of a document gets the next number. A node that knows all up to the last one has missed nothing, whatever
-- became of the node that made a commit: the stamp alone can't tell, as it is the greatest of several nodes'.
ALTER TABLE documents ADD COLUMN commits bigint NOT NULL DEFAULT 0;
