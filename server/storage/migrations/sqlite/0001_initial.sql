-- Text keys, not a dictionary of JIDs: measured with 300,000 messages stored for 10,000 owners, batches of 100, a
-- dictionary with every name already cached saves 5 µs of 26 a message (3 of 12 on an empty store). For that it asks for
-- a cache that must forget what a failed transaction wrote, and keeps the names of erased accounts.
-- Tables without rowid are their own primary index; comparisons are binary (SQLite's default).

CREATE TABLE account (
  domain     TEXT NOT NULL,
  localpart  TEXT NOT NULL,
  state      INTEGER NOT NULL,
  scram      BLOB NOT NULL,         -- sql/codec.hpp
  created_ms INTEGER NOT NULL,
  PRIMARY KEY (domain, localpart)
) WITHOUT ROWID;

CREATE TABLE roster (
  owner          TEXT NOT NULL,
  jid            TEXT NOT NULL,
  name           TEXT NOT NULL,
  contact_groups BLOB NOT NULL,     -- sql/codec.hpp
  subscription   INTEGER NOT NULL,
  ask            INTEGER NOT NULL,
  approved       INTEGER NOT NULL,
  pending_in     TEXT NOT NULL,
  version        INTEGER NOT NULL,
  PRIMARY KEY (owner, jid)
) WITHOUT ROWID;

CREATE TABLE roster_version (
  owner   TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE pep_node (
  owner  TEXT NOT NULL,
  node   TEXT NOT NULL,
  config BLOB NOT NULL,             -- sql/codec.hpp
  PRIMARY KEY (owner, node)
) WITHOUT ROWID;

CREATE TABLE pep_item (
  owner     TEXT NOT NULL,
  node      TEXT NOT NULL,
  id        TEXT NOT NULL,
  publisher TEXT NOT NULL,
  version   INTEGER NOT NULL,
  place     INTEGER NOT NULL,       -- order within the unit `version`
  payload   TEXT NOT NULL,
  PRIMARY KEY (owner, node, id)
) WITHOUT ROWID;

-- A message once; `boxes` counts its rows in box, so that the last one to go takes the message along without an index
-- of box by id. The stanza comes last: reading the other columns does not touch its overflow pages.
CREATE TABLE msg (
  id        INTEGER NOT NULL PRIMARY KEY,
  boxes     INTEGER NOT NULL,
  sender    TEXT NOT NULL,
  recipient TEXT NOT NULL,
  stanza_id TEXT NOT NULL,
  digest    BLOB NOT NULL,
  stanza    TEXT NOT NULL
);

CREATE TABLE box (
  owner     TEXT NOT NULL,
  id        INTEGER NOT NULL,
  peer      TEXT NOT NULL,
  direction INTEGER NOT NULL,
  PRIMARY KEY (owner, id)
) WITHOUT ROWID;

-- Inbound rows of box not yet delivered: what a partial index would hold, but alike on both stores, and marking a
-- message delivered leaves the large table alone.
CREATE TABLE undelivered (
  owner TEXT NOT NULL,
  id    INTEGER NOT NULL,
  PRIMARY KEY (owner, id)
) WITHOUT ROWID;

-- The greatest id ever committed, also of rows that are gone: ids must not repeat when the clock was set back.
CREATE TABLE high_water (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  id  INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO high_water (one, id) VALUES (1, 0);
