local x = From{"a@b", "a@b/c", "*@d", domain="e", accounts={["f@g"]=true}} + To("*") * -Kind{"iq","message"}
x = Any{ x, Direction("in"), Type("chat"), Payload("urn:x"), Host("h"), Size(">=", 3), Keys("<", 9), UnknownDevices("==", 0) }
x = All{ x, Sealed(false), OmemoVersion("2"), Mechanism("PLAIN"), TlsVersion("1.3"), HasTag("t"), Network{"10.0.0.0/8","::1"} }
x = Not(x) + Hours{"08:00-19:00","22:00-06:00"} * Weekday{"mon-fri","sun"} * Rate{ per="ip", rate=1, burst=2, keys=16 }
rule{ name="1", match=x, action={ Tag("a"), Log() } }
rule{ name="2", match=function(m) return m:has_tag("a") and m.size > 5 end, action=function(m) return nil end, shadow=true }
rule{ name="3", match=Always(), action=Deny{ "forbidden", fr="é", en="e", type="wait" } }
