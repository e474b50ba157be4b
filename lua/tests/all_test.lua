-- The example that includes all: what one policy allows another may refuse, in the order of the file.
policy "../policies/all.lua"

local alice, bob = "alice@interieur.example", "bob@interieur.example"

test("colleagues talk in working hours", function()
  expect.allowed{ from = alice, to = bob, sealed = true, subscription = "both", device_age = 1000000, from_local = true, to_local = true }
  expect.allowed{ from = alice, to = bob, sealed = true, subscription = "both", direction = "in", from_local = true, to_local = true }
end)

test("each policy still has its say", function()
  local function word(event)
    local out = { from = alice, to = bob, sealed = true, subscription = "both", device_age = 1000000, from_local = true, to_local = true }
    for name, value in pairs(event) do out[name] = value end
    return out
  end
  expect.denied(word{ to = "juge@justice.example" }):by("ministry walls")
  expect.denied(word{ device_age = 5 }):by("new-device quarantine")
  expect.denied(word{ at = "sun 10:00" }):by("right to disconnect: interieur")
  expect.denied(word{ to = "x@elsewhere.example", to_local = false }):by("federation: messages to partners only")
  expect.denied(word{ from = "x@invites.example", subscription = "none" }):by("guests begin nothing")
  expect.denied{ kind = "login", from = alice, ip = "192.0.2.1" }:by("travel mode: log-in")
  expect.denied{ kind = "room_join", from = alice, to = "r@salons.interieur.example", occupants = 200 }:by("room size")
  expect.allowed(word{ to = "ministre@interieur.example" }):recorded("retention-for-ever")
end)
