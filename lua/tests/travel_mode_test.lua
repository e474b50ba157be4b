policy "../policies/travel_mode.lua"

local alice = "alice@interieur.example"

test("one logs in from the administration's networks", function()
  expect.allowed{ kind = "login", from = alice, ip = "10.1.2.3" }
  expect.allowed{ kind = "login", from = alice, ip = "172.31.255.255" }
  expect.allowed{ kind = "login", from = alice, ip = "2001:db8:1:2::3" }
  expect.denied{ kind = "login", from = alice, ip = "172.32.0.0" }:by("travel mode: log-in"):with("resource-constraint")
  expect.denied{ kind = "login", from = alice, ip = "2001:db8:2::1" }
  expect.denied{ kind = "login", from = alice, ip = "192.0.2.1" }
end)

test("an address that is not known is none of ours", function()
  expect.denied{ kind = "login", from = alice }
end)

test("administrators are not locked out, and may all", function()
  expect.allowed{ kind = "login", from = "root@interieur.example", from_admin = true, ip = "192.0.2.1" }
  expect.allowed{ kind = "device", from = "root@interieur.example", from_admin = true, ip = "192.0.2.1", devices = 2, new_devices = 1 }
end)

test("away, no new device and no invitation", function()
  expect.denied{ kind = "device", from = alice, ip = "192.0.2.1", devices = 2, new_devices = 1 }:by("travel mode: no new devices, no invitations")
  expect.allowed{ kind = "device", from = alice, ip = "192.0.2.1", devices = 2, new_devices = 0 }
  expect.denied{ kind = "invitation", from = alice, ip = "192.0.2.1", uses = 1 }
  expect.allowed{ kind = "device", from = alice, ip = "10.0.0.1", devices = 2, new_devices = 1 }
  expect.allowed{ kind = "invitation", from = alice, ip = "10.0.0.1", uses = 1 }
end)

test("what is sent passes from everywhere: who is in is in", function()
  expect.allowed{ from = alice, to = "bob@interieur.example", sealed = true, ip = "192.0.2.1" }
  expect.allowed{ kind = "publish", from = alice, ip = "192.0.2.1", payload = "urn:xmpp:bookmarks:1" }
  expect.allowed{ kind = "session", from = alice, ip = "192.0.2.1" }
end)

test("who travels is let in from everywhere, as long as was said, and adds no device", function()
  remember("travel", alice, "2d")
  expect.allowed{ kind = "login", from = alice, ip = "192.0.2.1" }
  expect.denied{ kind = "login", from = "bob@interieur.example", ip = "192.0.2.1" }
  expect.denied{ kind = "device", from = alice, ip = "192.0.2.1", devices = 2, new_devices = 1 }
  wait(2 * 24 * 60 * 60 + 1)
  expect.denied{ kind = "login", from = alice, ip = "192.0.2.1" }
end)
