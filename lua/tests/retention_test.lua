policy "../policies/retention.lua"

local alice, minister, cell = "alice@interieur.example", "ministre@interieur.example", "cellule.crise@interieur.example"

test("the class is that of who writes or reads, the longest of two", function()
  expect.allowed{ from = alice, to = "bob@interieur.example", sealed = true }:recorded("")
  expect.allowed{ from = alice, to = minister, sealed = true }:recorded("retention-for-ever")
  expect.allowed{ from = minister, to = alice, sealed = true }:recorded("retention-for-ever")
  expect.allowed{ from = cell, to = alice, sealed = true }:recorded("retention-10y")
  expect.allowed{ from = cell, to = minister, sealed = true }:recorded("retention-for-ever")
  expect.allowed{ from = "bob@invites.example", to = alice, sealed = true }:recorded("retention-1y")
end)

test("a message is classed once, and presence is not", function()
  expect.allowed{ from = alice, to = minister, sealed = true, direction = "in" }:recorded("")
  expect.allowed{ kind = "presence", from = alice, to = minister }:recorded("")
end)

test("the archive of each keeps as long as his longest class", function()
  expect.allowed{ kind = "archive", from = minister }:keeps(0)
  expect.allowed{ kind = "archive", from = cell }:keeps(3650)
  expect.allowed{ kind = "archive", from = "bob@invites.example" }:keeps(365)
  expect.allowed{ kind = "archive", from = alice }:keeps(nil)
end)
