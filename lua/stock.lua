-- Valise: the stock policy, in force when policy.file is not set. Copy it, change the copy, name it in policy.file.
-- It refuses nothing that people do in ordinary use; it slows down what the limits of one connection cannot see,
-- because they do not count by account or network. What the functions mean: lua/README.md.

-- Asking very many people for their presence is how address books are probed.
rule{
  name = "subscription flood",
  match = Kind("presence") * Direction("out") * Type("subscribe") * Rate{ per = "from", rate = 1, burst = 500 },
  action = Deny{
    "resource-constraint",
    fr = "Trop de demandes de contact à la fois ; réessayez dans quelques minutes.",
    en = "Too many contact requests at once; please try again in a few minutes.",
  },
}

-- New accounts from one network (an IPv6 /64), where registration is open at all. The machine itself may make as many
-- as it likes: tests and benchmarks do.
rule{
  name = "registration flood",
  match = Kind("registration") * -Network{ "127.0.0.0/8", "::1" } * Rate{ per = "ip", rate = 0.01, burst = 5 },
  action = Deny{
    "resource-constraint",
    fr = "Trop de nouveaux comptes depuis ce réseau ; réessayez plus tard.",
    en = "Too many new accounts from this network; please try again later.",
  },
}

-- On trial (shadow): counted, never refused.

-- Twenty messages a second for a while is a script or a stolen account, not a person; a client that catches up passes.
rule{
  name = "message flood",
  match = Kind("message") * Direction("out") * -Type{ "error", "groupchat" } * -HasTag("service")
        * Rate{ per = "from", rate = 20, burst = 120 },
  action = Tag("flood"),
  shadow = true,
}

-- Keys for devices that neither list names come from a client with an old list, or from somebody who reads along.
rule{
  name = "keys for unknown devices",
  match = Kind("message") * Sealed() * UnknownDevices(">", 0),
  action = Tag("unknown-devices"),
  shadow = true,
}
