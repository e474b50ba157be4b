-- Mail gateway: who gets mail from outside, who writes mail, and how large it is. Acts when the gateway is there.
include("groups.lua")

local largest = 10 * 1024 * 1024  -- bytes, attachments included

rule{
  name = "mail: recipients",
  match = Kind("mail_in") * -ToGroup("mail readers"),
  action = Deny{
    "not-allowed",
    fr = "Cette personne ne reçoit pas de courriel ici.",
    en = "This person does not receive mail here.",
  },
}
rule{
  name = "mail: senders",
  match = Kind("mail_out") * -FromGroup("mail writers"),
  action = Deny{
    "not-allowed",
    fr = "Votre compte n'envoie pas de courriel.",
    en = "Your account does not send mail.",
  },
}
rule{
  name = "mail: size",
  match = Kind{ "mail_in", "mail_out" } * Size(">", largest),
  action = Deny{
    "policy-violation",
    fr = "Courriel trop volumineux : 10 Mio au plus.",
    en = "This mail is too large: at most 10 MiB.",
  },
}
