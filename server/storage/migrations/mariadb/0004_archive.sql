-- The reasons stand in sqlite/0004_archive.sql.
ALTER TABLE msg ADD COLUMN IF NOT EXISTS pair BIGINT NOT NULL DEFAULT 0 AFTER boxes;
CREATE INDEX IF NOT EXISTS msg_pair ON msg (pair, id);
