policy "../policies/announcement_rooms.lua"

local room = "annonces@salons.interieur.example"

test("few write, all read", function()
  expect.denied{ kind = "room_message", from = "alice@interieur.example", to = room, affiliation = "member" }
    :by("announcement rooms"):with("forbidden")
  expect.allowed{ kind = "room_message", from = "communication@interieur.example", to = room, affiliation = "member" }
  expect.allowed{ kind = "room_message", from = "alice@interieur.example", to = room, affiliation = "owner" }
  expect.allowed{ kind = "room_join", from = "alice@interieur.example", to = room, affiliation = "none" }
  expect.allowed{ kind = "room_message", from = "alice@interieur.example", to = "equipe@salons.interieur.example", affiliation = "none" }
end)
