"""RFC 6120 §4.7.3 and §7.6 (RFC 4086): what the server makes up itself repeats nothing and tells nothing of the next.

The bounds are so wide that true randomness leaves them less than once in a million runs."""

import zlib

import _path  # noqa: F401
from harness import run, story

STREAMS, SESSIONS = 128, 24  # each before and after a restart


def expect_unpredictable(made, bits):
    """Hexadecimal texts of that many bits, in the order in which they were made."""
    assert all(len(text) == bits // 4 and set(text) <= set("0123456789abcdef") for text in made), made[:4]
    numbers = [int(text, 16) for text in made]
    count = len(numbers)
    assert len(set(numbers)) == count, "one came twice"
    for bit in range(bits):  # none is fixed, or nearly so
        ones = sum(number >> bit & 1 for number in numbers)
        assert 0.12 * count < ones < 0.88 * count, f"bit {bit} is set in {ones} of {count}"
    pairs = list(zip(numbers, numbers[1:]))
    assert 0.15 * count < sum(one < next_ for one, next_ in pairs) < 0.85 * count, "they rise, or fall"
    assert len({next_ - one for one, next_ in pairs}) == len(pairs), "one step twice: a counter"
    for one, next_ in pairs:
        changed = (one ^ next_).bit_count()
        assert bits // 16 < changed < bits - bits // 16, f"{changed} of {bits} bits differ from one to the next"
    for size in (2, 4):  # bytes of the whole that many share, wherever they stand: a clock, an address, a process
        heads = {text[start:start + 2 * size] for text in made for start in (0, len(made[0]) - 2 * size)}
        assert len(heads) > count, f"only {len(heads)} beginnings and ends of {size} bytes among {count}"
    raw = b"".join(bytes.fromhex(text) for text in made)
    assert len(zlib.compress(raw, 9)) >= len(raw), "they can be written shorter: less than all their bits is chance"


async def stream_ids(town, count):
    """Of that many connections, one after the other."""
    found = []
    for _ in range(count):
        stream = await town.stream().connect()
        await stream.opens()
        found.append(stream.attributes["id"])
        await stream.drops()
    return found


async def resources(account, count):
    """That the server chose for that many log-ins, each gone before the next."""
    found = []
    for _ in range(count):
        device = await account.device(interested=False, present=False)
        found.append(device.full.partition("/")[2])
        await device.drops()
    return found


@story("RFC 6120 §4.7.3", alone=True)
async def stream_ids_are_128_bits_of_chance_also_after_a_restart(town):
    made = await stream_ids(town, STREAMS)
    await town.restart()
    expect_unpredictable(made + await stream_ids(town, STREAMS), 128)


@story("RFC 6120 §7.6, §7.5", alone=True, options={"limits.resources": 100})
async def resources_that_the_server_makes_are_64_bits_of_chance_also_after_a_restart(town):
    """For one account, for who asks for one that cannot be given, and for several people alike."""
    alice, bob = await town.account("alice"), await town.account("bob")
    made = await resources(alice, SESSIONS)
    await town.restart()
    made += await resources(alice, SESSIONS) + await resources(bob, SESSIONS)
    for _ in range(SESSIONS):
        stream = await town.stream().reaches_tls()
        await stream.authenticates(alice.name, alice.password)
        made.append((await stream.binds("x" * 1200)).partition("/")[2])  # no resource: it is replaced (§7.7.2.1)
        await stream.drops()
    expect_unpredictable(made, 64)


run()
