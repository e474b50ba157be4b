"""RFC 6121 §3 where both sides have several devices: who of them hears what, of every step."""

import _path  # noqa: F401
from harness import NS, run, story, word_from

ROSTER = "<query xmlns='jabber:iq:roster'/>"


class Side:
    """A person with two devices of each kind that §3 tells apart."""

    async def begins(self, town, name):
        account = await town.account(name)
        self.bare = account.bare
        self.both = [await account.device(), await account.device()]
        self.interested = [await account.device(present=False) for _ in range(2)]  # asked for the roster, no presence
        self.available = [await account.device(interested=False) for _ in range(2)]  # the other way round
        self.neither = [await account.device(present=False, interested=False)]
        self.devices = self.both + self.interested + self.available + self.neither
        for device in self.devices:
            device.stream.takes(lambda event: True)
        return self

    async def sends(self, type_, other):
        await self.both[0].sends(f"<presence type='{type_}' to='{other.bare}'/>")

    def shown(self):
        """Of which devices a contact may hear."""
        return sorted(device.full for device in self.both + self.available)

    def expect(self, other, interested=(), available=(), presence=None):
        """Came of `other` since the last call: to interested devices these stanzas and pushes, in order, to available ones
        those; `presence`: a type of presence of each of the other's available devices, to all available ones. It ends
        before the subscription does (§3.2.2), else it comes last."""
        for device in self.devices:
            came, seen = [], []
            for event in device.stream.takes(lambda event: getattr(event, "tag", None) in (NS.CLIENT + "presence", NS.CLIENT + "iq")):
                item = event.find(f"{NS.ROSTER}query/{NS.ROSTER}item")
                if item is not None:
                    assert event.get("type") == "set" and item.get("jid") == other.bare, item.attrib
                    came.append("push " + " ".join([item.get("subscription"), *(name for name in ("ask", "approved") if item.get(name))]))
                    continue
                came.append(event.get("type") or "available")
                if event.get("from") != other.bare:
                    seen.append(event.get("from"))
            shows = other.shown() if presence and device in self.both + self.available else []
            wanted = list(interested if device in self.both + self.interested else [])
            wanted += available if device in self.both + self.available else []
            wanted = [presence] * len(shows) + wanted if "unsubscribed" in wanted else wanted + [presence] * len(shows)
            assert came == wanted, f"{device.full}: {came} and not {wanted}"
            assert sorted(seen) == shows, f"{device.full} saw {seen} and not {shows}"


async def settled(*sides):
    """All that was sent is carried out on both sides and has come to every device: answers of servers, too."""
    for _ in range(2):
        for side, other in (sides, sides[::-1]):
            answer = await side.both[0].asks(ROSTER)  # behind what is being saved of this roster
            assert answer.get("type") == "result"
            for device in side.devices[1:] + other.devices:
                await word_from(side.both[0])(device)


@story("RFC 6121 §3.1.2, §3.1.3, §3.1.5, §3.1.6, §3.2.2, §3.2.3, §3.3.2, §3.3.3, §3.4.2")
async def each_step_reaches_all_devices_that_it_concerns_and_no_other(town):
    alice, bob = await Side().begins(town, "alice"), await Side().begins(town, "bob")

    async def step(side, type_):
        await side.sends(type_, bob if side is alice else alice)
        await settled(alice, bob)

    async def grants():
        await step(alice, "subscribe")
        alice.expect(bob, ["push none ask"])  # §3.1.2
        bob.expect(alice, available=["subscribe"])  # §3.1.3: whether they asked for the roster or not
        await step(bob, "subscribed")
        bob.expect(alice, ["push from"])  # §3.1.5
        alice.expect(bob, ["subscribed", "push to"], presence="available")  # §3.1.6: of all, to all that are available

    await grants()
    await step(bob, "unsubscribed")
    bob.expect(alice, ["push none"])  # §3.2.2
    alice.expect(bob, ["unsubscribed", "push none"], presence="unavailable")  # §3.2.3
    await grants()
    await step(alice, "unsubscribe")
    alice.expect(bob, ["push none"], presence="unavailable")  # §3.3.2
    bob.expect(alice, ["unsubscribe", "push none"])  # §3.3.3
    await step(bob, "subscribed")
    bob.expect(alice, ["push none approved"])  # §3.4.2
    alice.expect(bob)
    await step(bob, "unsubscribed")
    bob.expect(alice, ["push none"])
    alice.expect(bob)
    await step(bob, "subscribed")
    bob.expect(alice, ["push none approved"])
    await step(alice, "subscribe")
    bob.expect(alice, ["push from"])  # nobody is asked
    alice.expect(bob, ["push none ask", "subscribed", "push to"], presence="available")


run()
