-- The reason stands in sqlite/0005_log_mark.sql.
ALTER TABLE high_water ADD COLUMN IF NOT EXISTS log_size BIGINT UNSIGNED NULL;
ALTER TABLE high_water ADD COLUMN IF NOT EXISTS log_chain VARBINARY(32) NULL;
