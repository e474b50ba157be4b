-- Who may send and receive which classification label (XEP-0258). An example for labels.catalogue = { "fr" }: put your
-- own people into the groups. A clearance for a level holds for those below it. What stands in `to` is asked at the
-- sender and at the recipient alike, so each rule holds for both ends; Gajim and others then offer what would pass.

group{ name = "top secret", members = { "minister@example.org", "director@example.org" } }
group{ name = "secret", includes = { "top secret" }, members = { "attache@example.org" } }
group{ name = "restricted", includes = { "secret" }, domain = "example.org", members = { "liaison@partner.example" } }
group{ name = "nationals", domain = "example.org" }  -- Spécial France: nobody of a partner's host
group{ name = "must label", members = { "attache@example.org", "desk@example.org" } }

local function only(group_name, labels, fr, en)
  return rule{
    name = "cleared for " .. group_name,
    match = Kind("message") * Label(labels) * (-FromGroup(group_name) + -ToGroup(group_name)),
    action = Deny{ "forbidden", fr = fr, en = en },
  }
end

only("top secret", "tres-secret", "TRÈS SECRET : l’expéditeur et le destinataire doivent y être habilités.",
  "TRÈS SECRET: both sender and recipient have to be cleared for it.")
only("secret", "secret", "SECRET : l’expéditeur et le destinataire doivent y être habilités.",
  "SECRET: both sender and recipient have to be cleared for it.")
only("nationals", "dr-sf", "SPÉCIAL FRANCE : réservé aux nationaux.", "SPÉCIAL FRANCE: for nationals only.")
only("restricted", "dr", "DIFFUSION RESTREINTE : réservé aux personnes ayant le besoin d’en connaître.",
  "DIFFUSION RESTREINTE: for people with a need to know.")

-- Labels do not leave this server, whoever is cleared elsewhere.
rule{
  name = "labels stay here",
  match = Kind("message") * Direction("out") * -Label("") * -Local("to"),
  action = Deny{ "forbidden", fr = "Un message classifié ne quitte pas ce serveur.",
    en = "A classified message does not leave this server." },
}

-- Who has to label writes nothing without one. Receipts, chat states and the empty messages with which OMEMO mends its
-- sessions carry no text and no label: they pass.
rule{
  name = "label required",
  match = Kind("message") * Direction("out") * Sealed() * Label("") * FromGroup("must label")
    * function(m) return m.sealed_length > 0 end,
  action = Deny{ "policy-violation", type = "modify", fr = "Choisissez une mention de classification, puis renvoyez.",
    en = "Choose a classification label and send again." },
}
