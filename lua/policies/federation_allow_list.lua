-- Federation: only the servers of partners are talked to, in both directions. Streams between servers are to come: until
-- then what people send to other servers is refused here with a reason, and nothing comes in.
include("groups.lua")

local no = Deny{
  "not-allowed",
  fr = "Ce serveur n'échange qu'avec des organismes agréés.",
  en = "This server exchanges with approved organisations only.",
}

-- The streams themselves.
rule{ name = "federation: from partners only", match = Kind("federation_in") * -FromGroup("partners"), action = no }
rule{ name = "federation: to partners only", match = Kind("federation_out") * -ToGroup("partners"), action = no }

-- What people send. A domain with a dot: what has no recipient, as a presence to all contacts, goes nowhere else.
rule{
  name = "federation: messages to partners only",
  match = Kind{ "message", "presence", "iq" } * Direction("out") * To{ domain = "*.*" } * -Local("to") * -ToGroup("partners")
        * -Type{ "error", "unavailable", "unsubscribe", "unsubscribed" },
  action = no,
}
rule{
  name = "federation: messages from partners only",
  match = Kind{ "message", "presence", "iq" } * Direction("in") * -Local("from") * -FromGroup("partners")
        * -Type{ "error", "unavailable", "unsubscribe", "unsubscribed" },
  action = no,
}
