-- Classification labels (XEP-0258): who may send and receive which, and who has to use one. For labels.catalogue =
-- { "fr" }. Clients offer what would pass. Included before what allows (break-glass): a crisis clears nobody.
include("groups.lua")

-- Both ends have to be of the group. A clearance for a level holds for those below it: groups.lua says so.
local function only(labels, group_name, fr, en)
  rule{
    name = "labels: " .. labels,
    match = Kind("message") * Label(labels) * (-FromGroup(group_name) + -ToGroup(group_name)),
    action = Deny{ "forbidden", fr = fr, en = en },
  }
end

only("tres-secret", "cleared for top secret", "TRÈS SECRET : l'expéditeur et le destinataire doivent y être habilités.",
  "TRÈS SECRET: both sender and recipient have to be cleared for it.")
only("secret", "cleared for secret", "SECRET : l'expéditeur et le destinataire doivent y être habilités.",
  "SECRET: both sender and recipient have to be cleared for it.")
only("dr-sf", "nationals", "SPÉCIAL FRANCE : réservé aux nationaux.", "SPÉCIAL FRANCE: for nationals only.")
only("dr", "restricted", "DIFFUSION RESTREINTE : réservé à qui a besoin d'en connaître.",
  "DIFFUSION RESTREINTE: for people with a need to know.")

-- Whoever is cleared elsewhere. Acts when there are streams between servers.
rule{
  name = "labels stay here",
  match = Kind("message") * Direction("out") * -Label("") * -Local("to"),
  action = Deny{ "forbidden", fr = "Un message classifié ne quitte pas ce serveur.",
    en = "A classified message does not leave this server." },
}

-- Receipts, chat states and the empty messages with which OMEMO mends its sessions carry no text and no label: they pass.
rule{
  name = "label required",
  match = Kind("message") * Direction("out") * Sealed() * Label("") * FromGroup("label required")
    * function(m) return m.sealed_length > 0 end,
  action = Deny{ "policy-violation", type = "modify", fr = "Choisissez une mention de classification, puis renvoyez.",
    en = "Choose a classification label and send again." },
}
