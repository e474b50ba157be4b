"""XEP-0357: a device that is away is told, through a push service, that something came."""

import asyncio

import _path  # noqa: F401
from harness import NS, ping, run, sealed, sealed_empty, story
from harness.sasl2 import device as log_in
from harness.stream import WAIT_SECONDS
from _managed import Managed
from _push import (disable, enable, new_agent, node_of, options, phone_of, publication, publications, refuses, sender,
                   service, summary, told, writes)

AT_ONCE = {"push.interval": 0, "push.retry": 1}
PROPOSE = "<propose xmlns='urn:xmpp:jingle-message:0' id='c1'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose>"
INVITE = "<invite xmlns='urn:xmpp:call-message:1' video='true'><jingle sid='s1'/></invite><store xmlns='urn:xmpp:hints'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
SUMMARY = "urn:xmpp:push:summary"


async def alone_with_the_service(town):
    """alice, whose one device has asked to be told and has left; the service; bob, who writes."""
    pusher, bob = await service(town), await sender(town)
    alice = await town.account("alice")
    await (await phone_of(town, alice, pusher)).leaves()
    return alice, pusher, bob


async def is_disabled(town, account):
    """Until no node of the account is in the store."""
    async with asyncio.timeout(WAIT_SECONDS):
        while town.sql(f"SELECT name FROM account_data WHERE owner = '{account.bare}' AND name LIKE 'node:%'"):
            await asyncio.sleep(0.01)  # the only way to learn of it


@story("XEP-0357 §4.1")
async def the_account_says_that_it_can_and_the_server_does_not(town):
    [alice] = await town.devices("alice")
    assert "urn:xmpp:push:0" in await alice.features_of(alice.bare)
    assert "urn:xmpp:push:0" not in await alice.features_of()


@story("XEP-0357 §4.1", options={"push.enabled": False})
async def where_it_is_switched_off_it_is_neither_offered_nor_done(town):
    [alice] = await town.devices("alice")
    assert "urn:xmpp:push:0" not in await alice.features_of(alice.bare)
    await alice.is_refused("service-unavailable", enable(alice.full), "set")


@story("XEP-0357 §7", options=AT_ONCE)
async def who_is_away_is_told_how_much_came_and_neither_what_nor_from_whom(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    iq = await publication(pusher)
    assert iq.get("from") == "localhost" and node_of(iq) == "n1"
    assert summary(iq) == {"FORM_TYPE": SUMMARY, "message-count": "1"}
    assert iq.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish-options") is None
    assert bob.bare not in str(bytes(pusher.stream.heard)) and alice.bare not in str(bytes(pusher.stream.heard))


@story("policy: Quiet", options=AT_ONCE, policy="""
rule{ name = "quiet", match = Kind("message") * Direction("in") * Size(">", 2000), action = Quiet() }
""")
async def who_is_away_is_not_told_where_a_rule_says_so_and_finds_it_later(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await bob.sends(f"<message to='{alice.bare}' id='quiet' type='chat'>{sealed(payload_bytes=3000)}</message>")
    await bob.asks(PING, to="localhost")
    await writes(bob, alice.bare)
    assert summary(await publication(pusher))["message-count"] == "2"  # of the one, and it counts both that wait
    back = await alice.device()
    await back.receives("message", id="quiet")


@story("XEP-0357 §7", options={**AT_ONCE, "push.sender": True})
async def who_wrote_last_is_told_where_the_administrator_says_so(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    assert await told(pusher) == {"FORM_TYPE": SUMMARY, "message-count": "1", "last-message-sender": bob.bare}


@story("XEP-0357 §5, §7: publish options", options=AT_ONCE)
async def what_was_given_for_the_service_goes_with_each_and_the_last_counts(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, inner=options("first"))
    await phone.sets(enable(pusher.full, "n1", options("second")))
    await phone.leaves()
    await town.restart()
    pusher, bob = await pusher.account.device("service"), await Managed.of(await bob.account.device())
    await writes(bob, alice.bare)
    iq = await publication(pusher)
    form = iq.find(f"{NS.PUBSUB}pubsub/{NS.PUBSUB}publish-options/{NS.FORM}x")
    assert form.get("type") == "submit"
    assert {one.get("var"): one.findtext(NS.FORM + "value") for one in form} == {
        "FORM_TYPE": "http://jabber.org/protocol/pubsub#publish-options", "secret": "second"}
    await pusher.answers(iq)
    await writes(bob, alice.bare)
    await told(pusher)
    assert publications(pusher) == []


@story("XEP-0357 §5", options=AT_ONCE)
async def two_nodes_of_a_service_are_two_and_one_without_a_node_is_one(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, "n1")
    await phone.sets(enable(pusher.full, "n2"))
    await phone.sets(enable(pusher.full, None))
    await phone.leaves()
    await writes(bob, alice.bare)
    assert {node_of(await publication(pusher)) for _ in range(3)} == {"n1", "n2", None}


@story("XEP-0357 §5: bad requests")
async def what_is_no_request_is_refused_and_nothing_is_enabled(town):
    pusher, bob = await service(town), await sender(town)
    [alice] = await town.devices("alice")
    for condition, kind, request in (
            ("bad-request", "modify", "<enable xmlns='urn:xmpp:push:0' node='n'/>"),
            ("bad-request", "modify", "<enable xmlns='urn:xmpp:push:0' node='n' jid=''/>"),
            ("jid-malformed", "modify", enable("@localhost/x")),
            ("bad-request", "modify", enable(pusher.full, "two words")),
            ("bad-request", "modify", enable(pusher.full, "n" * 257)),
            ("bad-request", "modify", enable(pusher.full, "n", options("two words"))),
            ("bad-request", "modify", enable(pusher.full, "n", options("s" * 257))),
            ("bad-request", "modify", enable(pusher.full, "n", options(form_type="jabber:iq:register"))),
            ("bad-request", "modify", enable(pusher.full, "n", options(type_="form"))),
            ("bad-request", "modify", enable(pusher.full, "n", options(more="<field var='a b'><value>c</value></field>"))),
            ("bad-request", "modify", enable(pusher.full, "n", options(more="".join(
                f"<field var='f{i}'><value>c</value></field>" for i in range(9))))),
            ("bad-request", "modify", enable(pusher.full, "n", options() + options())),
            ("bad-request", "modify", enable(pusher.full, "n", "<more xmlns='x'/>")),
            ("bad-request", "modify", "<disable xmlns='urn:xmpp:push:0'/>"),
            ("jid-malformed", "modify", disable("@localhost/x"))):
        await alice.is_refused(condition, request, "set", type_=kind)
    await alice.leaves()
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")


@story("RFC 6120 §8.3.3.16")
async def a_service_that_nobody_here_reaches_is_not_enabled(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("remote-server-not-found", enable("push-5.client.example"), "set", type_="cancel")
    for nobody in ("localhost", alice.bare):  # what an account is asked the server answers (RFC 6121 §8.5.2)
        await alice.is_refused("service-unavailable", enable(nobody), "set", type_="cancel")


@story("push.services", options={"push.services": ["good@localhost"]})
async def an_administrator_says_which_services_there_are(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("not-allowed", enable("bad@localhost/x"), "set", type_="cancel")
    await alice.sets(enable("good@localhost/x"))


@story("XEP-0357 §5: whose account it is")
async def nobody_enables_or_disables_for_another(town):
    alice, pusher, bob = await alone_with_the_service(town)
    for request in (enable(pusher.full, "mine"), disable(pusher.full)):
        await bob.is_refused("service-unavailable", request, "set", alice.bare)
    await writes(bob, alice.bare)
    assert node_of(await publication(pusher)) == "n1"
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357 §6", options=AT_ONCE)
async def what_is_disabled_is_told_of_nothing(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, "n1")
    for node in ("n2", "n3"):
        await phone.sets(enable(pusher.full, node))
    await phone.sets(disable(pusher.full, "n2"))
    laptop = await alice.device("laptop")
    await phone.leaves()
    await writes(bob, alice.bare)
    assert {node_of(await publication(pusher)) for _ in range(2)} == {"n1", "n3"}
    await laptop.sets(disable(pusher.full))
    await laptop.sets(disable(pusher.full))  # nothing is left: a result
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")
    await town.restart()
    pusher, bob = await pusher.account.device("service"), await Managed.of(await bob.account.device())
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357 §5: bounded", options={**AT_ONCE, "push.max": 2})
async def of_too_many_the_one_enabled_longest_ago_goes(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, "n1")
    for node in ("n2", "n3"):
        await phone.sets(enable(pusher.full, node))
    await phone.leaves()
    await writes(bob, alice.bare)
    assert {node_of(await publication(pusher)) for _ in range(2)} == {"n2", "n3"}
    await pusher.receives_no("iq", before=ping, type_="set")


# ---- what is told, and when


@story("docs/sealed.md D10", options=AT_ONCE)
async def a_call_is_told_and_what_is_not_kept_or_says_nothing_is_not(town):
    alice, pusher, bob = await alone_with_the_service(town)
    for inner in (sealed() + "<no-store xmlns='urn:xmpp:hints'/>", sealed_empty(),
                  "<received xmlns='urn:xmpp:receipts' id='x'/><store xmlns='urn:xmpp:hints'/>",
                  "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
                  "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>", "<body>in the clear</body>"):
        await writes(bob, alice.bare, inner)
    await ping(pusher)
    assert publications(pusher) == []
    await writes(bob, alice.bare, PROPOSE)
    await pusher.answers(await publication(pusher))
    await writes(bob, alice.bare, INVITE)  # XEP-0482, as Dino calls
    await publication(pusher)


@story("XEP-0191", options=AT_ONCE)
async def of_whom_alice_blocks_she_hears_nothing(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher)
    await phone.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='{bob.bare}'/></block>")
    await phone.leaves()
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357 §1: no client online", options=AT_ONCE)
async def who_is_there_is_not_told_and_the_devices_that_are_not_are(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, "phone")
    tablet = await alice.device("tablet")
    await tablet.sets(enable(pusher.full, "tablet"))
    await tablet.leaves()
    await writes(bob, alice.bare)
    await phone.receives("message")
    assert node_of(await publication(pusher)) == "tablet"
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357, XEP-0198 §5", options=AT_ONCE)
async def a_detached_device_is_told_of_what_comes_and_of_what_it_had_not_acknowledged(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await Managed.of(await phone_of(town, alice, pusher))
    await writes(bob, alice.bare)
    await phone.receives("message")
    await pusher.receives_no("iq", before=ping, type_="set")  # it is there
    await phone.is_cut()
    assert (await told(pusher))["message-count"] == "1"
    await writes(bob, alice.bare)
    assert (await told(pusher))["message-count"] == "2"
    again = await phone.resumes()
    await again.acks()
    await writes(bob, alice.bare)
    await again.receives("message")
    await pusher.receives_no("iq", before=ping, type_="set")
    await again.acks()
    await again.asks_for_h()
    await again.is_cut()  # all is acknowledged
    await pusher.receives_no("iq", before=ping, type_="set")
    await writes(bob, alice.bare)
    assert (await told(pusher))["message-count"] == "1"


async def nobody_looks_at(town):
    """The service, bob, and alice's phone that he wrote to while nobody looks at it."""
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher)
    await phone.sends("<inactive xmlns='urn:xmpp:csi:0'/>")
    await ping(phone)
    await writes(bob, alice.bare)
    await phone.receives("message")
    return pusher, bob, phone


@story("XEP-0357, XEP-0352", options=AT_ONCE)
async def a_device_that_nobody_looks_at_is_told_too(town):
    pusher, bob, phone = await nobody_looks_at(town)
    assert (await told(pusher))["message-count"] == "1"
    await phone.sends("<active xmlns='urn:xmpp:csi:0'/>")
    await ping(phone)
    await writes(bob, phone.bare)
    await phone.receives("message")
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357, XEP-0352", options={**AT_ONCE, "push.inactive": False})
async def unless_the_administrator_says_that_it_is_not(town):
    pusher, _, _ = await nobody_looks_at(town)
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357 §7: summary", options=AT_ONCE)
async def a_request_for_a_subscription_that_waits_is_counted(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await bob.sends(f"<presence type='subscribe' to='{alice.bare}'/>")
    await bob.asks_for_h()  # both contact lists are durable
    await writes(bob, alice.bare)
    assert (await told(pusher))["pending-subscription-count"] == "1"


@story("XEP-0357 §7: behind the commit", alone=True)
async def nothing_is_told_before_the_message_is_durable(town):
    alice, pusher, bob = await alone_with_the_service(town)
    async with town.store_is_paused("msg"):
        await bob.sends(f"<message to='{alice.bare}' id='late' type='chat'>{sealed()}</message>")
        await town.waits_for_the_store(1)
        await ping(pusher)
        assert publications(pusher) == []
    assert (await told(pusher))["message-count"] == "1"


# ---- services that do not take it


@story("XEP-0357 §7: together", options=AT_ONCE)
async def what_comes_while_the_service_thinks_is_told_with_one_more(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    first = await publication(pusher)
    for _ in range(5):
        await writes(bob, alice.bare)
    await ping(pusher)
    assert publications(pusher) == [] and summary(first)["message-count"] == "1"
    await pusher.answers(first)
    assert (await told(pusher))["message-count"] == "6"
    await writes(bob, alice.bare)
    assert (await told(pusher))["message-count"] == "7"
    assert publications(pusher) == []


@story("XEP-0357 §7.1", options=AT_ONCE)
async def a_service_that_refuses_is_disabled_durably(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    await refuses(pusher, await publication(pusher), "item-not-found", "cancel")
    await is_disabled(town, alice)
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")
    await town.restart()
    pusher, bob = await pusher.account.device("service"), await Managed.of(await bob.account.device())
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")
    assert await town.records(reason="push-refused")


@story("XEP-0357 §7.1: transient errors", options=AT_ONCE)
async def an_error_that_may_pass_is_tried_again(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    for _ in range(2):
        await refuses(pusher, await publication(pusher), "resource-constraint", "wait")
    assert (await told(pusher))["message-count"] == "1"
    assert publications(pusher) == []


@story("XEP-0357 §7.1: a sufficient number in a row", options={**AT_ONCE, "push.attempts": 2})
async def but_not_for_ever(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await writes(bob, alice.bare)
    for _ in range(2):
        await refuses(pusher, await publication(pusher), "resource-constraint", "wait")
    await is_disabled(town, alice)
    await writes(bob, alice.bare)
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0357 §7.1: a service that is away", options=AT_ONCE)
async def a_service_that_is_not_there_is_told_when_it_is(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await pusher.leaves()
    await writes(bob, alice.bare)
    pusher = await pusher.account.device("service")
    assert (await told(pusher))["message-count"] == "1"


@story("XEP-0357: the device came first", options=AT_ONCE)
async def what_its_device_has_got_meanwhile_is_not_told_late(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    phone = await phone_of(town, alice, pusher, "phone")
    tablet = await alice.device("tablet")
    await tablet.sets(enable(pusher.full, "tablet"))
    for device in (tablet, phone, pusher):
        await device.leaves()
    await writes(bob, alice.bare)
    phone = await alice.device("phone")
    await phone.receives("message")
    pusher = await pusher.account.device("service")
    assert node_of(await publication(pusher)) == "tablet"  # both were tried, and are tried again, together
    await ping(pusher)
    assert publications(pusher) == []


@story("XEP-0191: the service blocks the person", options=AT_ONCE)
async def a_service_that_blocks_an_account_is_not_told_of_it(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await pusher.sets(f"<block xmlns='urn:xmpp:blocking'><item jid='{alice.bare}'/></block>")
    await writes(bob, alice.bare)
    await is_disabled(town, alice)
    await pusher.receives_no("iq", before=ping, type_="set")


# ---- whose device it is


@story("XEP-0388 §2.3", options=AT_ONCE)
async def a_client_that_says_who_it_is_is_the_same_under_another_resource(town):
    pusher, bob, alice, agent = await service(town), await sender(town), await town.account("alice"), new_agent()
    await (await phone_of(town, alice, pusher, agent=agent)).leaves()
    phone = await log_in(town, alice, agent, "Other")
    await writes(bob, alice.bare)
    await phone.receives("message")
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0494 §3.2", options=AT_ONCE)
async def a_client_whose_access_was_taken_back_is_told_of_nothing(town):
    pusher, bob, alice = await service(town), await sender(town), await town.account("alice")
    await phone_of(town, alice, pusher, "gone", agent=new_agent())
    old = await alice.device("old")
    await old.sets(enable(pusher.full, "old"))
    laptop = await alice.device("laptop")
    await laptop.sets(enable(pusher.full, "stays"))
    lines = await laptop.asks("<list xmlns='urn:xmpp:cam:0'/>")
    clients = list(lines.find("{urn:xmpp:cam:0}clients"))
    assert len(clients) == 3
    for line in clients[:2]:  # the one that has said its id, and the first that has not
        await laptop.tries(f"<revoke xmlns='urn:xmpp:cam:0' id='{line.get('id')}'/>", "set")
    await old.stream.fails_with("not-authorized")
    await laptop.leaves()
    await writes(bob, alice.bare)
    assert node_of(await publication(pusher)) == "stays"
    await pusher.receives_no("iq", before=ping, type_="set")


@story("XEP-0077 §3.2: an account that is gone", options=AT_ONCE)
async def with_an_account_its_registrations_go(town):
    alice, pusher, bob = await alone_with_the_service(town)
    await town.ctl("user", "delete", alice.bare)
    await bob.sends(f"<message to='{alice.bare}' id='m' type='chat'>{sealed()}</message>")
    await bob.gets_error("message", "m", "service-unavailable")
    await pusher.receives_no("iq", before=ping, type_="set")


run()
