-- Pages of one conversation (XEP-0313 `with`). `pair` is a hash of the two accounts whose archives have the message, or
-- of the one and its peer (sql/conversation.hpp): one entry of some 20 bytes a message serves both owners, where an index
-- of box by owner and peer would be two of 80. 0: in nobody's archive.
-- box.direction: 0 received, 1 sent, 2 received and there only until it was delivered.
ALTER TABLE msg ADD COLUMN pair INTEGER NOT NULL DEFAULT 0;
CREATE INDEX msg_pair ON msg (pair) WHERE pair <> 0;
