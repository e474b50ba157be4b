-- First contacts: nobody writes to very many people he has nothing to do with. Counted are people, not messages, and only
-- those who have not written to him, asked for him or accepted him. A contact list of one's own making does not help.
include("groups.lua")

-- Adapt: so many new people at once, and so many more each day; of another server together, likewise.
local people, people_a_day = 20, 20
local of_a_server, of_a_server_a_day = 200, 200

-- Not counted: who is written to by many, and who has to write to many.
local known_to_all = Administrator("from") + FromGroup{ "help desk", "announcers", "urgent" } + ToGroup("help desk")

local day = 24 * 60 * 60
local strangers = limiter{ name = "first-contact", rate = people_a_day / day, burst = people }
local servers = limiter{ name = "first-contact-servers", rate = of_a_server_a_day / day, burst = of_a_server }
-- Who has written to whom. When it is full, the oldest give way: they count once more.
local met = memory{ name = "first-contact-met", lifetime = "90d", keys = 100000 }

local call = Child("propose", "urn:xmpp:jingle-message:0") + Child("invite", "urn:xmpp:call-message:1")
local begins = Kind("subscription") * Type("subscribe") + Kind("message") * -Type("groupchat") * (Sealed() + call)
local unknown = begins * -ToSelf() * -Subscription{ "to", "from", "both" } * -Pending() * -Asked()
local first = unknown * -Remembers(met, "pair") * -Remembers(met, { "to", "from" }) * -known_to_all

rule{
  name = "first contacts",
  match = Direction("out") * first * Over(strangers, "from"),
  action = Deny{
    "resource-constraint",
    fr = "Vous avez déjà écrit à beaucoup de nouvelles personnes aujourd'hui ; réessayez demain.",
    en = "You have written to many new people today already; please try again tomorrow.",
  },
}
rule{
  name = "first contacts of other servers",
  match = Direction("in") * -Local("from") * first * Over(servers, "from_domain"),
  action = Deny{
    "resource-constraint",
    fr = "Trop de nouveaux contacts depuis ce serveur ; réessayez demain.",
    en = "Too many new contacts from this server; please try again tomorrow.",
  },
}
rule{ name = "first contacts: they have met", match = unknown, action = Remember(met, "pair") }
