policy "../policies/device_quarantine.lua"

local day = 24 * 60 * 60
local alice, bob = "alice@interieur.example", "bob@interieur.example"
local function from_device(age, to, more)
  local event = { from = alice, to = to or bob, sealed = true, sid = 7, device_age = age }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end

test("a device writes to all when it is a day old", function()
  expect.denied(from_device(0)):by("new-device quarantine"):with("not-allowed")
  expect.denied(from_device(day - 1))
  expect.allowed(from_device(day))
end)

test("a device of which nothing is known is new", function()
  expect.denied{ from = alice, to = bob, sealed = true, sid = 8 }
end)

test("to oneself, the help desk and administrators it writes at once", function()
  expect.allowed(from_device(0, alice))
  expect.allowed(from_device(0, alice .. "/laptop"))
  expect.allowed(from_device(0, "assistance@justice.example"))
  expect.allowed(from_device(0, "root@interieur.example", { to_admin = true }))
end)

test("what is no letter passes, and what is received", function()
  expect.allowed{ from = alice, to = bob, type = "error" }
  expect.allowed{ from = alice, to = bob, children = { "received urn:xmpp:receipts" } }
  expect.allowed{ kind = "presence", from = alice, to = bob }
  expect.allowed{ kind = "iq", type = "get", from = alice, to = bob, payload = "http://jabber.org/protocol/pubsub" }
  expect.allowed(from_device(nil, bob, { direction = "in" }))
  expect.allowed{ from = bob, to = alice, sealed = true, direction = "in", sid = 9 }
end)

test("the help desk lets it go, for the person and a day", function()
  remember("quarantine-over", alice)
  expect.allowed(from_device(0))
  expect.denied{ from = bob, to = alice, sealed = true, sid = 7, device_age = 0 }
  wait(day + 1)
  expect.denied(from_device(0))
end)
