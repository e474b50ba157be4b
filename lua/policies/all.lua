-- All of them together, as an example: policy.file = "/etc/valise/policies/all.lua". The order is that of the decision:
-- the first rule that ends it wins, so what allows comes first and what keeps a note before what refuses.
include("retention.lua")
include("break_glass.lua")
include("travel_mode.lua")
include("guests.lua")
include("device_quarantine.lua")
include("ministry_walls.lua")
include("federation_allow_list.lua")
include("mail_recipients.lua")
include("room_size.lua")
include("announcement_rooms.lua")
include("first_contact.lua")
include("right_to_disconnect.lua")
