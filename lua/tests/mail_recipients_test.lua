policy "../policies/mail_recipients.lua"

local outside = "citoyen@poste.example"

test("mail comes to who reads or writes it", function()
  expect.allowed{ kind = "mail_in", from = outside, to = "accueil@interieur.example" }
  expect.allowed{ kind = "mail_in", from = outside, to = "presse@interieur.example" }
  expect.denied{ kind = "mail_in", from = outside, to = "alice@interieur.example" }:by("mail: recipients"):with("not-allowed")
end)

test("mail is written by who may", function()
  expect.allowed{ kind = "mail_out", from = "presse@justice.example", to = outside }
  expect.denied{ kind = "mail_out", from = "accueil@interieur.example", to = outside }:by("mail: senders")
end)

test("ten mebibytes", function()
  expect.allowed{ kind = "mail_in", from = outside, to = "presse@interieur.example", size = 10 * 1024 * 1024 }
  expect.denied{ kind = "mail_in", from = outside, to = "presse@interieur.example", size = 10 * 1024 * 1024 + 1 }:by("mail: size")
  expect.denied{ kind = "mail_out", from = "presse@interieur.example", to = outside, size = 20 * 1024 * 1024 }
end)

test("messages are none of its business", function()
  expect.allowed{ from = "alice@interieur.example", to = "bob@interieur.example", size = 20 * 1024 * 1024 }
end)
