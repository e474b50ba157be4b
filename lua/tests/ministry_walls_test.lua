policy "../policies/ministry_walls.lua"

local prefect, judge, other = "prefet@interieur.example", "juge@justice.example", "x@elsewhere.example"

local function between(from, to, event)
  local out = { from = from, to = to }
  for name, value in pairs(event) do out[name] = value end
  return out
end
local function both_ways(expectation, event)
  for _, direction in ipairs{ "out", "in" } do
    for _, pair in ipairs{ { prefect, judge }, { judge, prefect } } do
      local one = between(pair[1], pair[2], event)
      one.direction = direction
      expectation(one)
    end
  end
end

test("nothing crosses, in no direction and at neither side", function()
  both_ways(function(event) expect.denied(event):by("ministry walls"):with("forbidden") end, { sealed = true })
  both_ways(expect.denied, { kind = "presence" })
  both_ways(expect.denied, { kind = "presence", type = "probe" })
  both_ways(expect.denied, { kind = "subscription", type = "subscribe" })
  both_ways(expect.denied, { kind = "subscription", type = "subscribed" })
  both_ways(expect.denied, { kind = "iq", type = "get", payload = "http://jabber.org/protocol/pubsub" })
  both_ways(expect.denied, { sealed = true, type = "groupchat" })
end)

test("a subdomain and a device are of the ministry", function()
  expect.denied{ from = "prefet@nord.interieur.example/phone", to = judge .. "/laptop", sealed = true }
end)

test("errors and ends pass", function()
  both_ways(expect.allowed, { type = "error" })
  both_ways(expect.allowed, { kind = "iq", type = "error" })
  both_ways(expect.allowed, { kind = "presence", type = "error" })
  both_ways(expect.allowed, { kind = "presence", type = "unavailable" })
  both_ways(expect.allowed, { kind = "subscription", type = "unsubscribe" })
  both_ways(expect.allowed, { kind = "subscription", type = "unsubscribed" })
end)

test("within a ministry, to oneself, to others and to nobody all passes", function()
  expect.allowed{ from = prefect, to = "maire@interieur.example", sealed = true }
  expect.allowed{ kind = "iq", from = prefect, to = prefect, type = "set" }
  expect.allowed{ kind = "iq", from = prefect, type = "get" }
  expect.allowed{ kind = "presence", from = prefect }
  expect.allowed{ from = prefect, to = other, sealed = true }
  expect.allowed{ from = other, to = judge, sealed = true, direction = "in" }
end)

test("liaison officers and help desks have a door, both ways", function()
  expect.allowed{ from = "liaison@interieur.example", to = judge, sealed = true }
  expect.allowed{ from = judge, to = "liaison@interieur.example", sealed = true, direction = "in" }
  expect.allowed{ from = prefect, to = "assistance@justice.example", sealed = true }
end)
