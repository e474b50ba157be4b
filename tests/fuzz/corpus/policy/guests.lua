-- Guests write to the help desk and to nobody else; nobody but the help desk writes to guests.
-- Each `-->` line is a case that the unit tests run: from, to, kind, size : verdict, and the rule that decided.

local desk = { "help@example.org", "help-fr@example.org" }

rule{
  name = "guests write to the help desk only",
  match = Kind("message") * From{ domain = "guests.example" } * -To(desk),
  action = Deny{ "forbidden", fr = "Les invités n'écrivent qu'au guichet.", en = "Guests write to the help desk only." },
}
rule{
  name = "only the help desk writes to guests",
  match = Kind("message") * To{ domain = "guests.example" } * -From(desk),
  action = Deny{ "forbidden", fr = "Seul le guichet écrit aux invités.", en = "Only the help desk writes to guests." },
}

--> visitor@guests.example help@example.org message 900 : allow
--> visitor@guests.example help-fr@example.org message 900 : allow
--> visitor@guests.example bob@example.org message 900 : deny guests write to the help desk only
--> visitor@guests.example other@guests.example message 900 : deny guests write to the help desk only
--> help@example.org visitor@guests.example message 900 : allow
--> bob@example.org visitor@guests.example message 900 : deny only the help desk writes to guests
--> visitor@guests.example bob@example.org presence 100 : allow
--> alice@example.org bob@example.org message 900 : allow
