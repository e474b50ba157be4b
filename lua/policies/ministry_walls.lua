-- Ministry walls: people of these groups do not talk to each other, neither by message nor presence nor request, in both
-- directions. Who is in contact with somebody behind a new wall can still end that, and errors and goodbyes pass.
include("groups.lua")

-- Adapt: the groups with a wall between each two of them.
local walls = Crossing{ "interieur", "justice" }

local doors = FromGroup{ "liaison", "help desk" } + ToGroup{ "liaison", "help desk" }
local ends = Type{ "error", "unavailable", "unsubscribe", "unsubscribed" }

rule{
  name = "ministry walls",
  match = Kind{ "message", "presence", "iq" } * walls * -doors * -ends,
  action = Deny{
    "forbidden",
    fr = "Vous ne pouvez pas échanger avec ce ministère ici ; adressez-vous à un agent de liaison.",
    en = "You cannot talk to that ministry here; please turn to a liaison officer.",
  },
}
