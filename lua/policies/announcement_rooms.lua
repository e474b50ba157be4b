-- Announcement rooms: everybody reads, few write. Acts when rooms are there.
include("groups.lua")

rule{
  name = "announcement rooms",
  match = Kind("room_message") * ToGroup("announcement rooms") * -FromGroup("announcers") * -Affiliation{ "owner", "admin" },
  action = Deny{
    "forbidden",
    fr = "Ce salon est réservé aux annonces : on y lit, on n'y répond pas.",
    en = "This room is for announcements: it is read, not answered.",
  },
}
