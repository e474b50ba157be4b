rule{ name="b", match=function(m) local s=m.from while true do pcall(function() s=s..s end) end end, action=Drop() }
