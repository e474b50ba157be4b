-- Messages that a rule holds back until `due_ms` (types.hpp, HeldMessage). They are in nobody's box, so that no archive shows
-- them; what is due is a range of the one index, what waits for one person a range of the other.
CREATE TABLE held (
  id        INTEGER NOT NULL PRIMARY KEY,
  owner     TEXT NOT NULL,
  due_ms    INTEGER NOT NULL,
  sender    TEXT NOT NULL,
  recipient TEXT NOT NULL,
  stanza_id TEXT NOT NULL,
  digest    BLOB NOT NULL,
  rule      TEXT NOT NULL,
  unsealed  TEXT NOT NULL,
  reason    TEXT NOT NULL,
  stanza    TEXT NOT NULL
);
CREATE INDEX held_due ON held (due_ms, id);
CREATE INDEX held_owner ON held (owner, id);
