-- What lua/policies/labels.lua decides. Run: valisectl policy test lua/tests/labels_test.lua
policy "../policies/labels.lua"

local minister, attache = "minister@example.org", "attache@example.org"
local clerk, partner = "clerk@example.org", "liaison@partner.example"

local function message(from, to, label)
  return { from = from, to = to, label = label, sealed = true, sealed_length = 100, from_local = true, to_local = true }
end
local function arriving(from, to, label)
  local event = message(from, to, label)
  event.direction = "in"
  return event
end

test("who is cleared sends and receives", function()
  expect.allowed(message(minister, "director@example.org", "tres-secret"))
  expect.allowed(arriving(minister, "director@example.org", "tres-secret"))
  expect.allowed(message(minister, attache, "secret"))
  expect.allowed(message(clerk, minister, "dr"))
end)

test("a higher label goes neither to nor from people of a lower clearance", function()
  expect.denied(message(minister, attache, "tres-secret")):by("cleared for top secret"):with("forbidden")
    :says("TRÈS SECRET: both sender and recipient have to be cleared for it.")
  expect.denied(arriving(minister, attache, "tres-secret")):by("cleared for top secret")
  expect.denied(message(attache, minister, "tres-secret")):by("cleared for top secret")
  expect.denied(message(clerk, minister, "secret")):by("cleared for secret")
  expect.denied(message(minister, clerk, "secret")):by("cleared for secret")
end)

test("Spécial France is not for partners, Diffusion Restreinte for those who are named", function()
  expect.denied(message(minister, partner, "dr-sf")):by("cleared for nationals")
  expect.denied(arriving(partner, minister, "dr-sf")):by("cleared for nationals")
  expect.allowed(message(minister, partner, "dr"))
  expect.denied(message(minister, "visitor@partner.example", "dr")):by("cleared for restricted")
  expect.allowed(message(minister, partner))
end)

test("a label does not leave the server", function()
  local abroad = message(minister, "director@example.org", "secret")
  abroad.to_local = false
  expect.denied(abroad):by("labels stay here")
end)

test("who has to label can't leave it out", function()
  expect.denied(message(attache, minister)):by("label required"):with("policy-violation")
    :says("Choisissez une mention de classification, puis renvoyez.")
  expect.denied(message("desk@example.org", clerk)):by("label required")
  expect.allowed(message("desk@example.org", clerk, "dr"))
  expect.allowed(message(minister, attache))
  expect.allowed{ from = attache, to = minister, sealed = true, sealed_length = 0 }
  expect.allowed{ from = attache, to = minister, sealed = false }
end)
