-- Lua functions as matcher and as action.

local heavy = Deny{ "policy-violation", fr = "Message trop long.", en = "Message too long." }

rule{
  name = "long messages, except from services",
  match = Kind("message") * function(m) return m.from:match("^service%-%w+@") == nil end,
  action = function(m)
    if m.size > 100000 then return heavy end
  end,
}
rule{
  name = "silence for the archive robot",
  match = To("*-robot@example.org") * -Kind("message"),
  action = Drop(),
}

--> alice@example.org bob@example.org message 100000 : allow
--> alice@example.org bob@example.org message 100001 : deny long messages, except from services
--> service-backup@example.org bob@example.org message 100001 : allow
--> alice@example.org archive-robot@example.org presence 100 : drop silence for the archive robot
--> alice@example.org archive-robot@example.org message 100 : allow
