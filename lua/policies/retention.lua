-- Retention: which class the record of a message belongs to, by who writes and who reads. The word stands in the audit
-- log (reason policy:retention-…), for whoever sorts or deletes its records; nothing is deleted here. What the server
-- keeps of messages themselves: archive.keep_days and valisectl archive keep.
include("groups.lua")

-- Adapt: the longest class last, for a message of two groups gets the last word that fits.
local classes = {
  { group = "guests", word = "retention-1y" },
  { group = "crisis cell", word = "retention-10y" },
  { group = "cabinet", word = "retention-for-ever" },
}

for _, class in ipairs(classes) do
  rule{
    name = "retention: " .. class.group,
    match = Kind("message") * Direction("out") * (FromGroup(class.group) + ToGroup(class.group)),
    action = Record(class.word),
  }
end
