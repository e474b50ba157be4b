-- Retention: how long messages are kept, by group. The archive of each member keeps them for so many days (0: for ever)
-- instead of archive.keep_days; what valisectl archive keep says of an account wins. And the record of a message in the audit
-- log says its class (reason policy:retention-…), by who writes and who reads, for whoever sorts or exports these records.
include("groups.lua")

-- Adapt: the longest class last, for who is of two groups, and a message of two, gets the last that fits.
local classes = {
  { group = "guests", word = "retention-1y", days = 365 },
  { group = "crisis cell", word = "retention-10y", days = 3650 },
  { group = "cabinet", word = "retention-for-ever", days = 0 },
}

for _, class in ipairs(classes) do
  rule{
    name = "retention: " .. class.group,
    match = Kind("message") * Direction("out") * (FromGroup(class.group) + ToGroup(class.group)),
    action = Record(class.word),
  }
  rule{
    name = "retention: archives of " .. class.group,
    match = Kind("archive") * FromGroup(class.group),
    action = Keep{ days = class.days },
  }
end
