-- Break-glass: in a crisis the crisis cell talks to everybody, whatever the rules behind this one say. Include it first.
-- What passes so is recorded (policy:break-glass), and the administrators are told. It is broken for a time, by
--   valisectl policy memory set crisis all 1 4h        and earlier mended by        … forget crisis all
include("groups.lua")

-- Durable: a restart in the middle of a crisis must not mend it. Who says no time means four hours.
local crisis = memory{ name = "crisis", lifetime = "4h", durable = true }
local broken = Remembers(crisis, "all")

rule{
  name = "break-glass",
  match = Kind{ "message", "presence", "iq" } * (FromGroup("crisis cell") + ToGroup("crisis cell")) * broken,
  action = { Record("break-glass"), Notify("The glass is broken: rules do not hold for the crisis cell.", "1h"), Allow() },
}
rule{
  name = "break-glass: log-in",
  match = Kind{ "login", "session" } * FromGroup("crisis cell") * broken,
  action = { Notify("The glass is broken: the crisis cell logs in from everywhere.", "1h"), Allow() },
}
