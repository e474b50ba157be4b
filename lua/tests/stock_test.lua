-- What lua/stock.lua decides. Run: valisectl policy test lua/tests/stock_test.lua
policy "../stock.lua"

local function subscribes(from)
  return { kind = "presence", type = "subscribe", from = from, to = "bob@example.org", times = 500 }
end

test("the 501st contact request of a burst waits", function()
  expect.allowed(subscribes("alice@example.org"))
  local more = subscribes("alice@example.org")
  more.times = 3
  expect.denied(more):by("subscription flood"):with("resource-constraint")
    :says("Trop de demandes de contact à la fois ; réessayez dans quelques minutes.")
  expect.allowed(subscribes("carol@example.org"))
end)

test("one more contact request a second", function()
  expect.allowed(subscribes("alice@example.org"))
  wait(1)
  expect.allowed{ kind = "presence", type = "subscribe", from = "alice@example.org", to = "bob@example.org" }
  expect.denied{ kind = "presence", type = "subscribe", from = "alice@example.org", to = "bob@example.org" }
end)

test("the sixth new account of a network waits, an IPv6 /64 is one", function()
  expect.allowed{ kind = "registration", from = "a@example.org", ip = "2001:db8::1", times = 5 }
  expect.denied{ kind = "registration", from = "a@example.org", ip = "2001:db8::ffff:2" }:by("registration flood")
  expect.allowed{ kind = "registration", from = "a@example.org", ip = "2001:db8:0:1::1" }
  expect.allowed{ kind = "registration", from = "a@example.org", ip = "127.0.0.1", times = 100 }
end)

test("a flood of messages is on trial: nothing is refused", function()
  expect.allowed{ from = "alice@example.org", to = "bob@example.org", sealed = true, times = 1000 }
  expect.allowed{ from = "alice@example.org", to = "bob@example.org", sealed = true, unknown_devices = 3, direction = "in" }
end)
