-- Right to disconnect: outside of a ministry's working hours its people get no messages and no calls. Messages are refused
-- or, with hold = true, kept by the server until working hours; calls are refused.
-- Reached at any hour: who is on duty, and who asked for it by writing first. Their own devices, receipts and errors pass.
include("groups.lua")

-- Adapt: a line for each ministry. The last two say it to people: "from 8:00, Monday to Friday".
local ministries = {
  { group = "interieur", days = "mon-fri", hours = "08:00-19:00",
    fr = "à partir de 8 h, du lundi au vendredi", en = "from 8:00, Monday to Friday" },
  { group = "justice", days = "mon-fri", hours = "09:00-18:30", hold = true,
    fr = "à partir de 9 h, du lundi au vendredi", en = "from 9:00, Monday to Friday" },
}
local calendar = "fr"  -- or "fr-alsace-moselle"
local talk_goes_on = "2h"  -- so long one may answer somebody who wrote

local function closed(ministry)
  return Deny{
    "recipient-unavailable",
    fr = string.format("Droit à la déconnexion : cette personne est joignable %s, hors jours fériés.", ministry.fr),
    en = string.format("Right to disconnect: this person can be reached %s, except on public holidays.", ministry.en),
  }
end

-- What rings: a sealed message and the beginning of a call.
local call = Child("propose", "urn:xmpp:jingle-message:0") + Child("invite", "urn:xmpp:call-message:1")
local personal = Kind("message") * -Type("groupchat") * -ToSelf()
local rings = personal * (Sealed() + call)

local talks = memory{ name = "right-to-disconnect", lifetime = talk_goes_on, keys = 50000 }
local always = ToGroup{ "on duty", "help desk" } + FromGroup("urgent") + Remembers(talks, { "to", "from" })

local names = {}
for i, ministry in ipairs(ministries) do
  names[i] = ministry.group
  local open = Weekday(ministry.days) * Hours(ministry.hours) * -Holiday(calendar)
  local off = ToGroup(ministry.group) * -open * -always
  if ministry.hold then
    rule{ name = "right to disconnect: later, " .. ministry.group, match = personal * Sealed() * off, action = Delay(open) }
  end
  rule{
    name = "right to disconnect: " .. ministry.group,
    match = (ministry.hold and personal * call or rings) * off,
    action = closed(ministry),
  }
end

-- Who writes may be answered, at whatever hour he does.
rule{
  name = "right to disconnect: who writes is there",
  match = rings * Direction("out") * FromGroup(names),
  action = Remember(talks, "pair"),
}
