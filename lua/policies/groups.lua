-- Who is who, for all policies of this folder: adapt this file first. A policy is touched only where its hours, numbers
-- or texts do not fit. Long lists are better kept in a text file that a timer writes: file = "on_duty.txt".

-- Everybody of a ministry.
group{ name = "interieur", domain = { "interieur.example", "*.interieur.example" } }
group{ name = "justice", domain = { "justice.example", "*.justice.example" } }

-- Who talks to all ministries by office: the walls do not hold for them.
group{ name = "liaison", members = { "liaison@interieur.example", "liaison@justice.example" } }

-- Reached by everybody, whatever else holds.
group{ name = "help desk", members = { "assistance@interieur.example", "assistance@justice.example" } }

-- Reached at any hour; and who may reach anybody at any hour.
group{ name = "on duty", members = { "permanence@interieur.example", "greffe.nuit@justice.example" } }
group{ name = "urgent", members = { "centre.operationnel@interieur.example" } }

-- Who talks to everybody while the glass is broken.
group{ name = "crisis cell", members = { "cellule.crise@interieur.example", "cellule.crise@justice.example" } }

-- A host of its own for people from outside.
group{ name = "guests", domain = "invites.example" }

-- Other organisations' servers.
group{ name = "partners", domain = { "partenaire.example", "*.partenaire.example" } }

-- Who gets mail from outside, and who sends mail there.
group{ name = "mail readers", includes = { "mail writers" }, members = { "accueil@interieur.example" } }
group{ name = "mail writers", members = { "presse@interieur.example", "presse@justice.example" } }

-- Rooms: where only announcers write; those that may be large; who announces.
group{ name = "announcement rooms", members = { "annonces@salons.interieur.example" } }
group{ name = "large rooms", includes = { "announcement rooms" } }
group{ name = "announcers", members = { "communication@interieur.example" } }

-- Whose messages are public archives.
group{ name = "cabinet", members = { "ministre@interieur.example", "directeur.cabinet@interieur.example" } }
