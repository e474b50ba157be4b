"""RFC 6121 §4.5: however a device goes, everybody who took it for available hears so, once."""

import _path  # noqa: F401
from harness import NS, run, story, word_from

PLAIN = {"sealed.mode": "off"}


class Scene:
    """alice's phone goes. Who has to hear it: a contact, her other device, a stranger that the phone told of itself."""

    async def begins(self, town, **how):
        self.town = town
        self.desk, self.bob, self.room, self.eve = await town.devices("alice", "bob", "room", "eve")
        await self.bob.is_friends_with(self.desk)
        self.phone = await self.desk.account.device(**how)
        await self.phone.sends(f"<presence to='{self.room.full}'/>")
        for witness in (self.bob, self.desk, self.room):
            await witness.receives("presence", from_=self.phone.full, type_=None)
        return self

    async def recorded(self):
        return await self.town.records(kind="presence", from_=self.phone.bare, type_="unavailable",
                                       resource=self.phone.full.partition("/")[2])

    async def everybody_heard(self):
        for witness in (self.bob, self.desk, self.room):
            ended = await witness.receives("presence", from_=self.phone.full, type_="unavailable")
            assert len(ended) == 0
        for witness in (self.bob, self.room, self.eve):
            await witness.receives_no("presence", before=word_from(self.desk), from_=self.phone.full)
        await self.desk.receives_no("presence", before=word_from(self.bob), from_=self.phone.full)
        assert len(await self.recorded()) == 1, "the end has its record"
        late = await self.bob.account.device()  # nobody hears of a ghost
        await late.receives("presence", from_=self.desk.full)
        await late.receives_no("presence", before=word_from(self.desk), from_=self.phone.full)


@story("RFC 6121 §4.5.2")
async def a_goodbye_and_a_closed_stream_are_one_end(town):
    scene = await Scene().begins(town)
    await scene.phone.leaves()
    await scene.everybody_heard()


@story("RFC 6121 §4.5.2: closed without a goodbye")
async def a_closed_stream_is_an_end(town):
    scene = await Scene().begins(town)
    await scene.phone.sends("</stream:stream>")
    await scene.phone.stream.is_disconnected()
    await scene.everybody_heard()


@story("RFC 6121 §4.5.2: the line is cut")
async def a_cut_line_is_an_end(town):
    scene = await Scene().begins(town)
    await scene.phone.drops()
    await scene.everybody_heard()


@story("RFC 6121 §4.5.2: a stream error of the client's making")
async def a_stream_error_is_an_end(town):
    for broken, condition in (("<a></b>", "not-well-formed"),
                              ("<message from='bob@localhost' to='bob@localhost'/>", "invalid-from"),
                              ("<what xmlns='jabber:client'/>", "unsupported-stanza-type")):
        scene = await Scene().begins(town)
        await scene.phone.sends(broken)
        await scene.phone.stream.fails_with(condition)
        await scene.everybody_heard()


@story("RFC 6121 §4.5.2: the administrator")
async def a_kick_is_an_end(town):
    scene = await Scene().begins(town)
    await town.ctl("session", "kick", scene.phone.full)
    await scene.phone.stream.is_disconnected()
    await scene.everybody_heard()


@story("RFC 6121 §4.5.2: a resource that another connection takes over, RFC 6120 §7.7.2.2")
async def a_conflict_is_an_end(town):
    scene = await Scene().begins(town, resource="phone")
    successor = await scene.desk.account.device(resource="phone", present=False)
    await scene.phone.stream.fails_with("conflict")
    await scene.everybody_heard()
    await successor.becomes_available()
    await scene.bob.receives("presence", from_=successor.full, type_=None)


@story("RFC 6121 §4.5.2: a time-out of the server's", options={"timeouts.stanza": 1})
async def a_time_out_is_an_end(town):
    scene = await Scene().begins(town)
    await scene.phone.sends("<message to='bob@localhost'>")  # and no more
    await scene.phone.stream.fails_with("policy-violation")
    await scene.everybody_heard()


@story("RFC 6121 §4.5.2: the account is disabled")
async def an_account_that_is_disabled_ends_for_its_contacts(town):
    scene = await Scene().begins(town)
    await town.ctl("user", "disable", scene.desk.bare)
    for witness in (scene.bob, scene.room):
        await witness.receives("presence", from_=scene.phone.full, type_="unavailable")
    await scene.bob.receives("presence", from_=scene.desk.full, type_="unavailable")
    await scene.bob.receives_no("presence", before=word_from(scene.room), from_=scene.phone.full)


@story("RFC 6121 §4.5.2: the server ends", alone=True)
async def the_servers_end_is_an_end_and_nobody_is_there_after_it(town):
    scene = await Scene().begins(town)
    await town.stop()
    assert len(await scene.recorded()) == 1
    await town.start()
    late = await scene.bob.account.device()
    desk = await scene.desk.account.device()
    await late.receives("presence", from_=desk.full)
    await late.receives_no("presence", before=word_from(desk), from_=scene.phone.full)


@story("RFC 6121 §4.5.2", options=PLAIN)
async def a_goodbye_goes_out_as_it_came_also_to_the_device_that_says_it(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.is_friends_with(bob)
    desk = await alice.account.device()
    words = "<status>going on vacation</status><x xmlns='urn:example:unknown'/>"
    await alice.sends(f"<presence type='unavailable' id='bye' xml:lang='en'>{words}</presence>")
    for witness in (alice, bob, desk):
        heard = await witness.receives("presence", from_=alice.full, type_="unavailable", id="bye")
        assert heard.findtext(NS.CLIENT + "status") == "going on vacation" and len(heard) == 2


run()
