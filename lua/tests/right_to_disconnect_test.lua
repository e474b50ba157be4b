-- Tuesday, 14 July 2026 is a holiday; Monday, 13 July is none.
policy "../policies/right_to_disconnect.lua"

local function word(from, to, at, more)
  local event = { from = from, to = to, at = at, sealed = true, type = "chat" }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end
local alice, bob, judge = "alice@interieur.example", "bob@interieur.example", "judge@justice.example"
local refused = "Right to disconnect: this person can be reached from 8:00, Monday to Friday, except on public holidays."

test("each ministry has its own hours, to the minute", function()
  expect.denied(word(judge, bob, "2026-07-13 07:59")):by("right to disconnect: interieur"):with("recipient-unavailable"):says(refused)
    :says("Droit à la déconnexion : cette personne est joignable à partir de 8 h, du lundi au vendredi, hors jours fériés.")
  expect.allowed(word("x@elsewhere.example", bob, "2026-07-13 08:00"))
  expect.allowed(word("x@elsewhere.example", bob, "2026-07-13 18:59"))
  expect.denied(word("x@elsewhere.example", bob, "2026-07-13 19:00"))
  expect.allowed(word("x@elsewhere.example", judge, "2026-07-13 08:59")):delayed("2026-07-13 09:00")
  expect.allowed(word("x@elsewhere.example", judge, "2026-07-13 18:29")):at_once()
  expect.allowed(word("x@elsewhere.example", judge, "2026-07-13 18:30")):delayed("2026-07-15 09:00")  -- the 14th is a holiday
end)

test("midnight, weekends and holidays", function()
  expect.denied(word("x@elsewhere.example", bob, "2026-07-13 23:59"))
  expect.denied(word("x@elsewhere.example", bob, "2026-07-15 00:00"))
  expect.denied(word("x@elsewhere.example", bob, "2026-07-14 10:00"))
  expect.denied(word("x@elsewhere.example", bob, "2026-07-18 10:00"))
  expect.denied(word("x@elsewhere.example", bob, "2026-07-19 10:00"))
  expect.denied(word("x@elsewhere.example", bob, "2026-05-14 10:00"))  -- Ascension Day
  expect.allowed(word("x@elsewhere.example", bob, "2026-07-20 10:00"))
end)

test("what is held back comes on the next working day", function()
  expect.allowed(word(alice, judge, "2026-07-17 20:00")):delayed("2026-07-20 09:00")
  expect.allowed(word(alice, judge, "2026-12-31 20:00", { direction = "in" })):delayed("2027-01-04 09:00")
  expect.denied{ from = alice, to = judge, at = "sun 10:00", children = { "propose urn:xmpp:jingle-message:0" } }
    :by("right to disconnect: justice")
  expect.allowed{ from = alice, to = judge, at = "sun 10:00", children = { "received urn:xmpp:receipts" } }:at_once()
end)

test("it holds at the recipient, too: for whoever writes from elsewhere", function()
  expect.denied(word("x@elsewhere.example", bob, "sun 10:00", { direction = "in" }))
  expect.allowed(word("x@elsewhere.example", "y@elsewhere.example", "sun 10:00", { direction = "in" }))
end)

test("what does not ring passes", function()
  expect.allowed{ from = alice, to = bob, at = "sun 10:00", type = "chat", children = { "received urn:xmpp:receipts" } }
  expect.allowed{ from = alice, to = bob, at = "sun 10:00", type = "chat", children = { "active http://jabber.org/protocol/chatstates" } }
  expect.allowed{ from = alice, to = bob, at = "sun 10:00", type = "error" }
  expect.allowed{ kind = "presence", from = alice, to = bob, at = "sun 10:00" }
  expect.allowed{ kind = "iq", from = alice, to = bob, at = "sun 10:00", type = "result" }
  expect.allowed(word("room@salons.elsewhere.example", bob, "sun 10:00", { direction = "in", type = "groupchat" }))
  expect.allowed(word(bob, bob, "sun 10:00"))
  expect.allowed(word(bob .. "/phone", bob .. "/laptop", "sun 10:00"))
  expect.denied{ from = alice, to = bob, at = "sun 10:00", children = { "propose urn:xmpp:jingle-message:0" } }
  expect.denied{ from = alice, to = bob, at = "sun 10:00", children = { "invite urn:xmpp:call-message:1" } }
  expect.allowed{ from = alice, to = bob, at = "sun 10:00", children = { "accept urn:xmpp:jingle-message:0" } }
end)

test("who is on duty is reached, and who is urgent reaches", function()
  expect.allowed(word(alice, "permanence@interieur.example", "sun 03:00"))
  expect.allowed(word("centre.operationnel@interieur.example", judge, "sun 03:00")):at_once()
  expect.allowed(word(alice, "assistance@interieur.example", "sun 03:00"))
end)

test("who writes at night is answered, for two hours and by that person only", function()
  expect.allowed(word(alice, "permanence@interieur.example", "tue 22:00"))
  expect.allowed(word("permanence@interieur.example", alice, "tue 22:01"))
  expect.denied(word(bob, alice, "tue 22:01"))
  wait(2 * 60 * 60 + 1)
  expect.denied(word("permanence@interieur.example", alice, "wed 00:02"))
end)

test("what was refused opens nothing", function()
  expect.denied(word(alice, bob, "tue 22:00"))
  expect.denied(word(bob, alice, "tue 22:01"))
end)

test("a conversation with somebody elsewhere goes on", function()
  expect.allowed(word(alice, "x@elsewhere.example", "tue 18:59"))
  expect.allowed(word("x@elsewhere.example", alice, "tue 19:05", { direction = "in" }))
end)
