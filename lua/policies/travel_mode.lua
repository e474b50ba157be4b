-- Travel mode: one logs in from the administration's networks only. Who travels is let in from everywhere for a time, and
-- meanwhile adds no device and invites nobody: a seized laptop stays one laptop. Administrators are never locked out.
--   valisectl policy memory set travel alice@interieur.example 1 7d

-- Adapt: offices and VPN; 127.0.0.0/8 and ::1 where a proxy or a monitor on this machine logs in.
local ours = Network{ "10.0.0.0/8", "172.16.0.0/12", "2001:db8:1::/48", "127.0.0.0/8", "::1" }

local travel = memory{ name = "travel", lifetime = "7d", durable = true }
local away = -ours * -Administrator("from")

rule{
  name = "travel mode: log-in",
  match = Kind("login") * away * -Remembers(travel, "from"),
  action = Deny{
    "resource-constraint",  -- "try again later": clients keep the account and come back by themselves
    fr = "Connexion possible depuis le réseau de l'administration seulement. En déplacement : prévenez l'assistance.",
    en = "You can log in from the administration's network only. When you travel, tell the help desk.",
  },
}
-- A session that was there before its network changed, or whose journey is over, goes on to its next log-in.
rule{
  name = "travel mode: no new devices, no invitations",
  match = (Kind("device") * NewDevices(">", 0) + Kind("invitation")) * away,
  action = Deny{
    "not-allowed",
    fr = "En déplacement, on n'ajoute pas d'appareil et on n'invite personne.",
    en = "While you travel you add no device and invite nobody.",
  },
}
