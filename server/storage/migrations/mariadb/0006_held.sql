-- The reasons stand in sqlite/0006_held.sql.
CREATE TABLE IF NOT EXISTS held (
  id        BIGINT UNSIGNED NOT NULL,
  owner     VARBINARY(1023) NOT NULL,
  due_ms    BIGINT NOT NULL,
  sender    VARBINARY(3071) NOT NULL,
  recipient VARBINARY(3071) NOT NULL,
  stanza_id MEDIUMBLOB NOT NULL,
  digest    VARBINARY(64) NOT NULL,
  rule      VARBINARY(1023) NOT NULL,
  unsealed  VARBINARY(255) NOT NULL,
  reason    VARBINARY(255) NOT NULL,
  stanza    MEDIUMBLOB NOT NULL,
  PRIMARY KEY (id),
  INDEX held_due (due_ms, id),
  INDEX held_owner (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
