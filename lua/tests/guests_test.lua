policy "guests.lua"

test("guests write to the desk only", function()
  for _, desk in ipairs{ "help@example.org", "help-fr@example.org" } do
    expect.allowed{ kind = "message", from = "visitor@guests.example", to = desk, sealed = true }
  end
  expect.denied{ kind = "message", from = "visitor@guests.example", to = "bob@example.org", at = "2026-07-14 10:00" }
    :by("guests write to the help desk only"):with("forbidden"):says("Guests write to the help desk only.")
  expect.allowed{ kind = "presence", from = "visitor@guests.example", to = "bob@example.org" }
end)

test("nobody but the desk writes to guests", function()
  expect.allowed{ from = "help@example.org", to = "visitor@guests.example" }
  expect.denied{ from = "bob@example.org", to = "visitor@guests.example" }:by("only the help desk writes to guests")
end)

policy "../policies/guests.lua"

local day = 24 * 60 * 60
local guest, alice = "bob@invites.example", "alice@interieur.example"
local function word(from, to, more)
  local event = { from = from, to = to, sealed = true, from_local = true, to_local = true }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end

test("thirty days from the first log-in", function()
  expect.allowed{ kind = "login", from = guest }
  wait(30 * day - 1)
  expect.allowed{ kind = "login", from = guest }
  wait(2)
  expect.denied{ kind = "login", from = guest }:by("guests: the time is over"):with("not-allowed")
  expect.denied{ kind = "session", from = guest }
  expect.denied(word(guest, "assistance@interieur.example")):disconnected()
  expect.denied{ kind = "presence", from = guest }
  expect.allowed{ kind = "presence", type = "unavailable", from = guest }
  expect.denied(word(alice, guest)):by("guests: nobody reads it any more"):with("item-not-found")
  expect.allowed{ from = alice, to = guest, type = "error", to_local = true }
end)

test("each guest has his own time, and others have none", function()
  expect.allowed{ kind = "login", from = guest }
  wait(31 * day)
  expect.allowed{ kind = "login", from = "late@invites.example" }
  expect.allowed{ kind = "login", from = alice }
  expect.allowed(word(alice, "late@invites.example"))
end)

test("who is connected when the rules come has his time, too", function()
  expect.allowed(word(guest, "assistance@interieur.example"))
  wait(31 * day)
  expect.denied(word(guest, "assistance@interieur.example"))
end)

test("guests begin nothing and answer who wrote to them", function()
  expect.denied(word(guest, alice)):by("guests begin nothing"):with("forbidden")
  expect.denied{ kind = "subscription", type = "subscribe", from = guest, to = alice }
  expect.denied{ from = guest, to = alice, children = { "propose urn:xmpp:jingle-message:0" } }
  expect.denied{ kind = "invitation", from = guest, uses = 1 }
  ask(word(alice, guest, { direction = "out" }))
  ask(word(alice, guest, { direction = "in" }))
  expect.allowed(word(guest, alice))
  expect.denied(word(guest, "carol@interieur.example"))
  remember("guest-since", guest)
  wait(30 * day - 1)
  expect.allowed(word(guest, alice))
  remember("guest-since", guest)
  wait(2)
  expect.denied(word(guest, alice)):by("guests begin nothing")
end)

test("an asked or accepted guest writes, to himself and the help desk each does", function()
  for _, state in ipairs{ "to", "from", "both" } do expect.allowed(word(guest, alice, { subscription = state })) end
  expect.denied(word(guest, alice, { subscription = "none" }))
  expect.allowed(word(guest, alice, { pending = true }))
  expect.allowed(word(guest, guest))
  expect.allowed(word(guest, "assistance@interieur.example"))
end)

test("receipts, errors and answers pass, guests do not open doors to guests", function()
  expect.allowed{ from = guest, to = alice, children = { "received urn:xmpp:receipts" } }
  expect.allowed{ from = guest, to = alice, type = "error" }
  expect.allowed{ kind = "iq", type = "result", from = guest, to = alice }
  for _, type in ipairs{ "subscribed", "unsubscribe", "unsubscribed" } do
    expect.allowed{ kind = "subscription", type = type, from = guest, to = alice }
  end
  ask{ from = alice, to = guest, direction = "in", children = { "received urn:xmpp:receipts" } }
  expect.denied(word(guest, alice)):by("guests begin nothing")
  expect.denied{ from = guest, to = alice, children = { "invite urn:xmpp:call-message:1" } }
  ask(word(guest, "other@invites.example", { direction = "in" }))
  expect.denied(word("other@invites.example", guest))
end)

test("a guest is prolonged, ended and let in again by an administrator", function()
  expect.allowed{ kind = "login", from = guest }
  wait(31 * day)
  expect.denied{ kind = "login", from = guest }
  remember("guest-since", guest)
  expect.allowed{ kind = "login", from = guest }
  remember("guest-ended", guest)
  expect.denied{ kind = "login", from = guest }:by("guests: the time is over")
  expect.denied(word(alice, guest, { direction = "in" })):by("guests: nobody reads it any more")
  forget("guest-ended", guest)
  expect.allowed{ kind = "login", from = guest }
end)
