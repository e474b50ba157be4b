-- Guests with expiry: a guest's account is good for so long from its first log-in. Guests talk to the help desk, to who
-- wrote to them and to who has them as contact; they begin nothing, ask for nobody and invite nobody.
--   valisectl policy memory set guest-since bob@invites.example 1        he has the whole time again, from now
--   valisectl policy memory set guest-ended bob@invites.example 1        he is out at once; forget: in again
include("groups.lua")

local expiry = "30d"
local answers = "30d"  -- so long a guest may answer who wrote to him

local since = memory{ name = "guest-since", durable = true }
local ended = memory{ name = "guest-ended", durable = true }
local invited = memory{ name = "guest-answers", lifetime = answers, durable = true }

local guest = FromGroup("guests")
-- Not at log-in alone: who is connected when this file comes into force has his time, too.
rule{
  name = "guests: the time begins",
  match = Kind{ "login", "session", "message" } * Direction("out") * guest * -Remembers(since, "from"),
  action = Remember(since, "from"),
}
rule{
  name = "guests: the time is over",
  match = Kind{ "login", "session", "message", "presence", "iq", "publish" } * Direction("out") * guest
        * -Type{ "error", "unavailable" }
        * (Remembers(since, "from") * -Remembers(since, "from", expiry) + Remembers(ended, "from")),
  action = { Disconnect(), Deny{
    "not-allowed",
    fr = "Votre accès d'invité a expiré ; la personne qui vous a invité peut le faire prolonger.",
    en = "Your guest access has expired; whoever invited you can have it extended.",
  } },
}
rule{
  name = "guests: nobody reads it any more",
  match = Kind("message") * -Type("error") * ToGroup("guests") * -guest * Local("to")
        * (Remembers(since, "to") * -Remembers(since, "to", expiry) + Remembers(ended, "to")),
  action = Deny{
    "item-not-found",
    fr = "L'accès de cet invité a expiré.",
    en = "This guest's access has expired.",
  },
}

local known = Subscription{ "to", "from", "both" } + Pending() + Remembers(invited, { "to", "from" })
local begins = Kind("message") * (Sealed() + Child("propose", "urn:xmpp:jingle-message:0") + Child("invite", "urn:xmpp:call-message:1"))
             + Kind("subscription") * Type("subscribe")
rule{
  name = "guests begin nothing",
  match = Direction("out") * guest * -ToSelf() * -ToGroup("help desk") * (Kind("invitation") + begins * -known),
  action = Deny{
    "forbidden",
    fr = "Les invités répondent à qui leur a écrit, et écrivent à l'assistance.",
    en = "Guests answer who wrote to them, and write to the help desk.",
  },
}
rule{
  name = "guests: who may be answered",
  match = Direction("in") * ToGroup("guests") * begins * -guest,
  action = Remember(invited, "pair"),
}
