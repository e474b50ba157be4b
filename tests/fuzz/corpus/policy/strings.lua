local t = {}
for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do t[#t+1] = k:upper() .. v end
table.sort(t, function(a, b) return a > b end)
rule{ name = ("x"):rep(3, "-"), match = function(m) return (m.from:gsub("[%a_]*", "%0%0")):match("^(.-)%1$") ~= nil and
  string.format("%5.2f %q", m.size, m.to):find("%f[%d]%d+") and m.from:find("%b<>") == nil end, action = Drop() }
