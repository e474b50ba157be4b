policy "../policies/break_glass.lua"

local cell, judge = "cellule.crise@interieur.example", "juge@justice.example"

test("a whole glass does nothing", function()
  expect.allowed{ from = cell, to = judge, sealed = true }:by(""):recorded("")
  expect.allowed{ kind = "login", from = cell, ip = "192.0.2.1" }:by("")
end)

test("a broken one is recorded and told", function()
  remember("crisis", "all", "4h")
  expect.allowed{ from = cell, to = judge, sealed = true }:by("break-glass"):recorded("break-glass")
    :notified("The glass is broken: rules do not hold for the crisis cell.")
  expect.allowed{ kind = "presence", type = "subscribe", from = judge, to = cell }:by("break-glass")
end)

-- With all the others behind it.
policy "../policies/all.lua"

test("while it is broken the crisis cell talks over walls and from everywhere, and is answered", function()
  expect.denied{ from = cell, to = judge, sealed = true, device_age = 1000000 }:by("ministry walls")
  expect.denied{ kind = "login", from = cell, ip = "192.0.2.1" }:by("travel mode: log-in")
  remember("crisis", "all", "4h")
  expect.allowed{ from = cell, to = judge, sealed = true, at = "sun 03:00" }:by("break-glass"):recorded("break-glass")
  expect.allowed{ from = judge, to = cell, sealed = true, direction = "in", at = "sun 03:00" }:by("break-glass")
  expect.allowed{ kind = "login", from = cell, ip = "192.0.2.1" }:by("break-glass: log-in")
end)

test("for others the rules hold all the same", function()
  remember("crisis", "all")
  expect.denied{ from = "prefet@interieur.example", to = judge, sealed = true, device_age = 1000000 }:by("ministry walls")
  expect.denied{ kind = "login", from = judge, ip = "192.0.2.1" }:by("travel mode: log-in")
end)

test("after four hours, said or not, it is whole again; and when it is mended", function()
  for _, lifetime in ipairs{ "4h", false } do
    if lifetime then remember("crisis", "all", lifetime) else remember("crisis", "all") end
    wait(4 * 60 * 60 - 1)
    expect.allowed{ from = cell, to = judge, sealed = true }:by("break-glass")
    wait(2)
    expect.denied{ from = cell, to = judge, sealed = true, device_age = 1000000 }:by("ministry walls")
  end
  remember("crisis", "all")
  forget("crisis", "all")
  expect.denied{ from = cell, to = judge, sealed = true, device_age = 1000000 }:by("ministry walls")
end)
