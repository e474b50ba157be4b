rule{ name="b", match=function(m) return (m.from):rep(30):find(("a?"):rep(30)..("a"):rep(30)) end, action=Drop() }
