"""Policies that would take the server: each is contained, refuses, and is named with its line; others go on."""

import _path  # noqa: F401
from harness import run, sealed, story, word_from
from harness.stream import WAIT_SECONDS

# name -> the body of a rule's function, which is asked about what goes to bomb-<name>.
BOMBS = {
    "loop": "while true do end",
    "goto": "::again:: goto again",
    "memory": "local t = {} while true do t[#t + 1] = {} end",
    "text": "local s = m.from while true do s = s .. s end",
    "rep": "return ('x'):rep(1 << 40)",
    "recursion": "local function f() return 1 + f() end return f() == 0",
    "arguments": "local function f(...) return f(..., ...) end f(1)",
    "pcall": "while true do pcall(function() while true do end end) end",
    "pcalls": "local function f() return pcall(f) end while true do f() end",
    "errors": "pcall(error, setmetatable) error({ {} })",
    "metatable": "return getmetatable('').__index ~= nil",
    "coroutine": "coroutine.wrap(function() while true do end end)()",
    "find": "return (('a'):rep(30)):find(('a?'):rep(30) .. ('a'):rep(30) .. 'b') ~= nil",
    "match": "return (('a'):rep(30) .. 'b'):match(('a*'):rep(30) .. 'c') ~= nil",
    "gsub": "return (('x'):rep(100000)):gsub('.-y', '') == ''",
    "callback": "local function f() return (('x'):gsub('x', f)) end f()",
    "sort": "table.sort({ 3, 1, 2 }, function() while true do end end)",
    "format": "while true do string.format('%99.99f', 1e300) end",
    "globals": "seen = true",
    "load": "return load('return true')()",
    "dump": "return string.dump(function() end) ~= ''",
    "files": "return io.open('/etc/passwd') ~= nil",
    "kept": "while true do kept:add(m.from .. #m.to, 1) end",
}
POLICY = "local kept = memory{ name = 'kept' }\n" + "".join(
    f"rule{{ name = '{name}', match = Kind('message') * Direction('out') * To('bomb-{name}@localhost')"
    f" * function(m) {body} end, action = Allow() }}\n" for name, body in BOMBS.items())

# What stands in a file that is loaded, and a word of the answer.
WHOLE_FILES = {
    "while true do end": "time",
    "local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end": "memory",
    "local t = {} for i = 1, 1e9 do t[i] = i end": "memory",
    "local m = Always() while true do m = m * m end": "too large",
    "local i = 0 while true do i = i + 1 rule{ name = 'r' .. i, match = Always(), action = Log() } end": "most",
    "rule{ name = 'a', match = Always(), action = Jump('b') }\nchain{ name = 'b', rule{ name = 'c', match = Always(), action = Jump('b') } }": "policy.lua:2",
    "rule{ name = 'a', match = Knd('message'), action = Allow() }": "Kind",
    "\x1bLua": "",
}


def message(to, identity):
    return f"<message to='{to}' id='{identity}' type='chat'>{sealed()}</message>"


@story("policy: hostile functions", policy=POLICY)
async def each_is_contained_refuses_and_is_named_with_its_line(town):
    alice, bob, carol = await town.devices("alice", "bob", "carol")
    rounds = 4
    before = town.processor_seconds()
    for turn in range(rounds):
        for name in BOMBS:
            await alice.sends(message(f"bomb-{name}@localhost", f"{name}{turn}"))
            await bob.sends(message(carol.bare, f"{name}{turn}"))
            await carol.receives("message", id=f"{name}{turn}")
            await alice.gets_error("message", f"{name}{turn}", "policy-violation")
    spent = (town.processor_seconds() - before) / (rounds * len(BOMBS))
    assert spent < 0.05 * WAIT_SECONDS / 15, f"{spent * 1000:.1f} ms of a processor for a decision that is hostile"
    rows = {row["name"]: row for row in await town.ctl_json("policy", "list")}
    for line, name in enumerate(BOMBS, 2):
        assert rows[name]["errors"] == rounds, rows[name]
        assert rows[name]["last_error"].startswith(f"{town.policy_file}:{line}: "), rows[name]
    denied = await town.records(kind="denied", from_=alice.bare)
    assert [record["reason"] for record in denied] == ["policy-failed"] * (rounds * len(BOMBS)), denied
    named = (await town.ctl_json("status"))["overrunning_rules"]
    assert {"loop", "memory", "gsub", "pcall"} <= set(named), named


@story("policy: hostile files", alone=True, policy="rule{ name = 'mine', match = To('nobody@localhost'), action = Deny('forbidden') }")
async def a_file_that_would_take_the_server_leaves_the_rules_in_force(town):
    alice, bob = await town.devices("alice", "bob")
    for number, (text, word) in enumerate(WHOLE_FILES.items()):
        town.write_file(town.policy_file, text)
        status, out, err = await town.reload()
        assert status != 0 and "policy.lua:" in out + err and word in out + err, (text, out, err)
        await alice.sends(message("nobody@localhost", f"n{number}"))
        await alice.gets_error("message", f"n{number}", "forbidden")
        await bob.receives_no("message", before=word_from(alice))


run()
