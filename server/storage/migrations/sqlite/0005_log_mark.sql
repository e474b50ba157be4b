-- Which audit log this store was written with, and how far that was durable then (types.hpp, LogMark). NULL: not known,
-- nothing was written since this column is there.
ALTER TABLE high_water ADD COLUMN log_size INTEGER;
ALTER TABLE high_water ADD COLUMN log_chain BLOB;
