-- The shape is that of sqlite/0003_account_data.sql. 1,023 + 1 + 2,047 bytes: within InnoDB's 3,072 for a key.
CREATE TABLE IF NOT EXISTS account_data (
  owner VARBINARY(1023) NOT NULL,
  kind  TINYINT UNSIGNED NOT NULL,
  name  VARBINARY(2047) NOT NULL,
  value MEDIUMBLOB NOT NULL,
  PRIMARY KEY (owner, kind, name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
