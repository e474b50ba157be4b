-- New-device quarantine: for a while a device that is new writes only to its owner's other devices, the help desk and
-- administrators. A stolen password then reaches nobody before somebody notices. The help desk lets a device go early:
--   valisectl policy memory set quarantine-over alice@interieur.example 1
include("groups.lua")

local quarantine = "24h"

-- Whose devices are all trusted, for as long as is said or, without that, so long.
local over = memory{ name = "quarantine-over", lifetime = "1d", durable = true }

rule{
  name = "new-device quarantine",
  -- Not "younger than": a device of which nothing is known is new, too.
  match = Kind("message") * Direction("out") * Sealed() * -DeviceAge(">=", quarantine)
        * -ToSelf() * -ToGroup("help desk") * -Administrator("to") * -Remembers(over, "from"),
  action = Deny{
    "not-allowed",
    fr = "Cet appareil est nouveau : pendant 24 heures il n'écrit qu'à vos autres appareils et à l'assistance, qui peut le libérer.",
    en = "This device is new: for 24 hours it writes only to your other devices and the help desk, which can release it.",
  },
}
