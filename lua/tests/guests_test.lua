policy "guests.lua"

test("guests write to the desk only", function()
  for _, desk in ipairs{ "help@example.org", "help-fr@example.org" } do
    expect.allowed{ kind = "message", from = "visitor@guests.example", to = desk, sealed = true }
  end
  expect.denied{ kind = "message", from = "visitor@guests.example", to = "bob@example.org", at = "2026-07-14 10:00" }
    :by("guests write to the help desk only"):with("forbidden"):says("Guests write to the help desk only.")
  expect.allowed{ kind = "presence", from = "visitor@guests.example", to = "bob@example.org" }
end)

test("nobody but the desk writes to guests", function()
  expect.allowed{ from = "help@example.org", to = "visitor@guests.example" }
  expect.denied{ from = "bob@example.org", to = "visitor@guests.example" }:by("only the help desk writes to guests")
end)
