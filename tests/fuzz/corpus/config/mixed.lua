limits.stanza = 0.5 * MiB
timeouts.login = minutes(1.5)
for _, h in ipairs{"a.b","C.d"} do host[h].tls.certificate = "/x/"..h end
sealed.mod = 1
host["a b"] = {}
listen.c2s = {"*:1", "[::1]:2"}
