-- The number of the commit that stored a field: who knows everything up to a commit is sent the fields of later ones.
-- Fields from before have 0, which is up to every commit.
ALTER TABLE fields ADD COLUMN commit bigint NOT NULL DEFAULT 0;
