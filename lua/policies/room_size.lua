-- Maximum room size: each message of a room is sealed for everybody in it. Acts when rooms are there.
include("groups.lua")

local usual, large = 200, 2000  -- people at once

local full = Deny{
  "service-unavailable",  -- XEP-0045 §7.2.9
  type = "wait",
  fr = "Ce salon est complet.",
  en = "This room is full.",
}
-- Who runs the room always comes in, and so does the crisis cell.
local always = Affiliation{ "owner", "admin" } + FromGroup("crisis cell")

rule{
  name = "room size",
  match = Kind("room_join") * Occupants(">=", usual) * -ToGroup("large rooms") * -always,
  action = full,
}
rule{
  name = "room size: large rooms",
  match = Kind("room_join") * Occupants(">=", large) * ToGroup("large rooms") * -always,
  action = full,
}
