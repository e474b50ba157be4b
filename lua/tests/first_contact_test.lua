policy "../policies/first_contact.lua"

local alice = "alice@interieur.example"
local function number(n) return "p" .. n .. "@interieur.example" end
local function word(from, to, more)
  local event = { from = from, to = to, sealed = true, from_local = true, to_local = true }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end
local function writes_to_twenty()
  for n = 1, 20 do expect.allowed(word(alice, number(n))) end
end

test("the twenty-first new person waits until tomorrow", function()
  writes_to_twenty()
  expect.denied(word(alice, number(21))):by("first contacts"):with("resource-constraint")
  expect.denied{ kind = "subscription", type = "subscribe", from = alice, to = number(21) }
  expect.denied{ from = alice, to = number(21), children = { "propose urn:xmpp:jingle-message:0" } }
  expect.denied{ from = alice, to = number(21), children = { "invite urn:xmpp:call-message:1" } }
  expect.allowed(word("bob@interieur.example", number(21)))
  wait(24 * 60 * 60 / 20 + 1)
  expect.allowed(word(alice, number(21)))
  expect.denied(word(alice, number(22)))
end)

test("people are counted, not messages", function()
  expect.allowed(word(alice, number(1), { times = 100 }))
  expect.allowed{ kind = "subscription", type = "subscribe", from = alice, to = number(1), times = 100 }
  for n = 2, 20 do expect.allowed(word(alice, number(n))) end
  expect.allowed(word(alice, number(7)))
  expect.denied(word(alice, number(21)))
end)

test("answers are not counted: of messages, of requests, at both sides", function()
  writes_to_twenty()
  ask(word(number(30), alice, { direction = "out" }))
  expect.allowed(word(alice, number(30)))
  ask(word("x@elsewhere.example", alice, { direction = "in", from_local = false }))
  expect.allowed(word(alice, "x@elsewhere.example", { to_local = false }))
  expect.allowed(word(alice, number(31), { pending = true }))
  for _, state in ipairs{ "to", "from", "both" } do expect.allowed(word(alice, number(32), { subscription = state })) end
  expect.denied(word(alice, number(33)))
end)

test("a contact that one has only written down does not help", function()
  writes_to_twenty()
  expect.denied(word(alice, number(21), { subscription = "none" }))
end)

test("what is no beginning passes", function()
  writes_to_twenty()
  expect.allowed{ from = alice, to = number(21), type = "error" }
  expect.allowed{ from = alice, to = number(21), children = { "received urn:xmpp:receipts" } }
  expect.allowed{ kind = "presence", from = alice, to = number(21) }
  expect.allowed{ kind = "subscription", type = "subscribed", from = alice, to = number(21) }
  expect.allowed{ kind = "iq", from = alice, to = number(21) }
  expect.allowed{ from = alice, to = "room@salons.interieur.example", type = "groupchat", sealed = true }
  expect.allowed(word(alice, alice))
end)

test("help desks, announcers and administrators write to all, and all to the help desk", function()
  for n = 1, 100 do
    expect.allowed(word("assistance@interieur.example", number(n)))
    expect.allowed(word("communication@interieur.example", number(n)))
    expect.allowed(word("root@interieur.example", number(n), { from_admin = true }))
  end
  writes_to_twenty()
  expect.allowed(word(alice, "assistance@justice.example"))
end)

test("people of this server are not counted together", function()
  for n = 1, 300 do expect.allowed(word("s" .. n .. "@interieur.example", number(n), { direction = "in" })) end
end)

test("another server is counted as one, where nobody asked for it", function()
  for n = 1, 200 do
    expect.allowed(word("s" .. n .. "@spam.example", number(n), { direction = "in", from_local = false }))
  end
  expect.denied(word("s201@spam.example", alice, { direction = "in", from_local = false })):by("first contacts of other servers")
  expect.allowed(word("s202@spam.example", alice, { direction = "in", from_local = false, asked = true }))
  expect.allowed(word("s203@spam.example", alice, { direction = "in", from_local = false, subscription = "both" }))
  expect.allowed(word("a@fine.example", alice, { direction = "in", from_local = false }))
end)
