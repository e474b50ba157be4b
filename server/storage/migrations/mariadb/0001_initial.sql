-- The shapes are those of sqlite/0001_initial.sql; the reasons stand there. Keys are VARBINARY: JIDs are normalised
-- before they come here, so bytes are compared, without padding rules. 1,023 bytes a key part keep the widest key
-- (pep_item) within InnoDB's 3,072; sql/check.cpp refuses more on both stores.
-- msg and box are partitioned by week of their id, so that expiry drops a partition instead of deleting rows. Here they
-- have the last partition only; mariadb/partitions.cpp splits the weeks off, also those to come, at each start.
-- DDL commits by itself here: each statement can be repeated, so that a migration that broke off can be run again.

CREATE TABLE IF NOT EXISTS account (
  domain     VARBINARY(1023) NOT NULL,
  localpart  VARBINARY(1023) NOT NULL,
  state      TINYINT UNSIGNED NOT NULL,
  scram      MEDIUMBLOB NOT NULL,
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (domain, localpart)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS roster (
  owner          VARBINARY(1023) NOT NULL,
  jid            VARBINARY(2047) NOT NULL,
  name           MEDIUMBLOB NOT NULL,
  contact_groups MEDIUMBLOB NOT NULL,
  subscription   TINYINT UNSIGNED NOT NULL,
  ask            TINYINT UNSIGNED NOT NULL,
  approved       TINYINT UNSIGNED NOT NULL,
  pending_in     MEDIUMBLOB NOT NULL,
  version        BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (owner, jid)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS roster_version (
  owner   VARBINARY(1023) NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (owner)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS pep_node (
  owner  VARBINARY(1023) NOT NULL,
  node   VARBINARY(1023) NOT NULL,
  config MEDIUMBLOB NOT NULL,
  PRIMARY KEY (owner, node)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS pep_item (
  owner     VARBINARY(1023) NOT NULL,
  node      VARBINARY(1023) NOT NULL,
  id        VARBINARY(1023) NOT NULL,
  publisher VARBINARY(3071) NOT NULL,
  version   BIGINT UNSIGNED NOT NULL,
  place     INT UNSIGNED NOT NULL,
  payload   MEDIUMBLOB NOT NULL,
  PRIMARY KEY (owner, node, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS msg (
  id        BIGINT UNSIGNED NOT NULL,
  boxes     INT UNSIGNED NOT NULL,
  sender    VARBINARY(3071) NOT NULL,
  recipient VARBINARY(3071) NOT NULL,
  stanza_id MEDIUMBLOB NOT NULL,
  digest    VARBINARY(64) NOT NULL,
  stanza    MEDIUMBLOB NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  PARTITION BY RANGE (id) (PARTITION later VALUES LESS THAN MAXVALUE);

CREATE TABLE IF NOT EXISTS box (
  owner     VARBINARY(1023) NOT NULL,
  id        BIGINT UNSIGNED NOT NULL,
  peer      VARBINARY(2047) NOT NULL,
  direction TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin
  PARTITION BY RANGE (id) (PARTITION later VALUES LESS THAN MAXVALUE);

CREATE TABLE IF NOT EXISTS undelivered (
  owner VARBINARY(1023) NOT NULL,
  id    BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (owner, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS high_water (
  one TINYINT UNSIGNED NOT NULL CHECK (one = 1),
  id  BIGINT UNSIGNED NOT NULL,
  PRIMARY KEY (one)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
INSERT INTO high_water (one, id) VALUES (1, 0) ON DUPLICATE KEY UPDATE id = id;
