policy "../policies/room_size.lua"

local function joins(room, occupants, more)
  local event = { kind = "room_join", from = "alice@interieur.example", to = room, occupants = occupants, affiliation = "none" }
  for name, value in pairs(more or {}) do event[name] = value end
  return event
end
local room, large = "equipe@salons.interieur.example", "annonces@salons.interieur.example"

test("the two hundred and first waits", function()
  expect.allowed(joins(room, 199))
  expect.denied(joins(room, 200)):by("room size"):with("service-unavailable"):says("Ce salon est complet.")
  expect.denied(joins(room, 200, { affiliation = "member" }))
end)

test("a large room holds more, and has an end, too", function()
  expect.allowed(joins(large, 1999))
  expect.denied(joins(large, 2000)):by("room size: large rooms")
end)

test("who runs a room comes in, and the crisis cell", function()
  expect.allowed(joins(room, 5000, { affiliation = "owner" }))
  expect.allowed(joins(room, 5000, { affiliation = "admin" }))
  expect.allowed(joins(large, 5000, { affiliation = "owner" }))
  expect.allowed(joins(room, 5000, { from = "cellule.crise@interieur.example" }))
end)
