-- The reason stands in sqlite/0002_pep_item_order.sql.
CREATE INDEX IF NOT EXISTS pep_item_order ON pep_item (owner, node, version, place);
