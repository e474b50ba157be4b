-- Break-glass: in a crisis the crisis cell talks to everybody, whatever the rules behind this one say. Include it first.
-- What passes so is recorded (policy:break-glass), and the administrators are told. It is broken for a time, by
--   valisectl policy memory set crisis all 1 4h        and earlier mended by        … forget crisis all
-- Any value breaks it, 0 and false too. A reload without these rules mends it.
include("groups.lua")

-- Durable: a restart in the middle of a crisis must not mend it. Who says no time means four hours.
local crisis = memory{ name = "crisis", lifetime = "4h", durable = true }
local broken = Remembers(crisis, "all")

rule{
  name = "break-glass",
  match = Kind{ "message", "presence", "iq" } * (FromGroup("crisis cell") + ToGroup("crisis cell")) * broken,
  action = { Record("break-glass"), Notify{
    fr = "La glace est brisée : les règles ne valent pas pour la cellule de crise.",
    en = "The glass is broken: rules do not hold for the crisis cell.",
    every = "1h",
  }, Allow() },
}
rule{
  name = "break-glass: log-in",
  match = Kind{ "login", "session" } * FromGroup("crisis cell") * broken,
  action = { Notify{
    fr = "La glace est brisée : la cellule de crise se connecte de partout.",
    en = "The glass is broken: the crisis cell logs in from everywhere.",
    every = "1h",
  }, Allow() },
}
