policy "../policies/federation_allow_list.lua"

local alice = "alice@interieur.example"
local function out(to, more)
  local event = { from = alice, to = to, from_local = true, sealed = true }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end

test("what people send goes to partners only, and says why not", function()
  expect.denied(out("x@elsewhere.example")):by("federation: messages to partners only"):with("not-allowed")
    :says("Ce serveur n'échange qu'avec des organismes agréés.")
  expect.denied(out("x@elsewhere.example", { kind = "subscription", type = "subscribe" }))
  expect.denied(out("elsewhere.example", { kind = "iq", type = "get" }))
  expect.allowed(out("x@partenaire.example"))
  expect.allowed(out("x@salons.partenaire.example"))
end)

test("people of this server, oneself, the server and a presence to all contacts are no matter", function()
  expect.allowed(out("juge@justice.example", { to_local = true }))
  expect.allowed(out(alice, { to_local = true }))
  expect.allowed{ kind = "iq", type = "get", from = alice, from_local = true }
  expect.allowed{ kind = "presence", from = alice, from_local = true }
end)

test("contacts of a server that is no partner any more can be ended", function()
  expect.allowed(out("x@elsewhere.example", { kind = "subscription", type = "unsubscribe" }))
  expect.allowed(out("x@elsewhere.example", { kind = "subscription", type = "unsubscribed" }))
  expect.allowed(out("x@elsewhere.example", { type = "error", sealed = false }))
end)

test("from partners only", function()
  expect.denied{ from = "x@elsewhere.example", to = alice, direction = "in", to_local = true, sealed = true }
  expect.allowed{ from = "x@partenaire.example", to = alice, direction = "in", to_local = true, sealed = true }
  expect.allowed{ from = "juge@justice.example", to = alice, direction = "in", from_local = true, to_local = true }
end)

test("they can end it, too", function()
  expect.allowed{ kind = "subscription", type = "unsubscribed", from = "x@elsewhere.example", to = alice, direction = "in", to_local = true }
  expect.allowed{ kind = "presence", type = "unavailable", from = "x@elsewhere.example", to = alice, direction = "in", to_local = true }
end)

test("streams", function()
  expect.denied{ kind = "federation_in", from = "elsewhere.example" }:by("federation: from partners only")
  expect.allowed{ kind = "federation_in", from = "partenaire.example" }
  expect.denied{ kind = "federation_out", from = "interieur.example", to = "elsewhere.example" }
  expect.allowed{ kind = "federation_out", from = "interieur.example", to = "partenaire.example" }
end)
