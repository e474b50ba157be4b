"""XEP-0030, XEP-0115, XEP-0199: what the server says of itself."""

import base64
import hashlib

import _path  # noqa: F401
from harness import NS, run, story
from harness.device import ping

INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>"


def features(answer):
    return {feature.get("var") for feature in answer.iter(NS.DISCO_INFO + "feature")}


def identities(answer):
    return {(identity.get("category"), identity.get("type")) for identity in answer.iter(NS.DISCO_INFO + "identity")}


@story("XEP-0030 §3.1")
async def the_server_is_an_im_server_and_names_its_features(town):
    [alice] = await town.devices("alice")
    answer = await alice.asks(INFO, to="localhost")
    assert ("server", "im") in identities(answer)
    assert {"http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items", "urn:xmpp:ping"} <= features(answer)


@story("XEP-0163 §6.1, docs/sealed.md 2.1")
async def account_and_server_announce_what_omemo_clients_look_for(town):
    [alice] = await town.devices("alice")
    needed = {f"http://jabber.org/protocol/pubsub#{name}" for name in (
        "publish-options", "filtered-notifications", "publish", "subscribe", "create-nodes", "delete-items", "delete-nodes",
        "persistent-items", "retrieve-items", "auto-create", "item-ids", "multi-items", "config-node-max", "config-node",
        "create-and-configure", "access-open", "access-presence", "access-whitelist", "access-roster", "auto-subscribe",
        "last-published", "retract-items", "meta-data")}
    for to in (alice.bare, "localhost"):
        answer = await alice.asks(INFO, to=to)
        assert ("pubsub", "pep") in identities(answer), to
        assert needed <= features(answer), (to, needed - features(answer))


@story("XEP-0030 §4.1")
async def the_list_of_items_is_answered(town):
    [alice] = await town.devices("alice")
    for to in ("localhost", alice.bare):
        answer = await alice.asks(ITEMS, to=to)
        for item in answer.iter(NS.DISCO_ITEMS + "item"):
            await alice.tries(INFO, to=item.get("jid"))  # clients ask each one: silence would hang them


@story("XEP-0030 §7")
async def an_unknown_node_is_not_found(town):
    [alice] = await town.devices("alice")
    await alice.is_refused("item-not-found", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:example:no'/>",
                           to="localhost", type_="cancel")


@story("XEP-0030 §8, docs/sealed.md 2.1")
async def an_account_tells_colleagues_of_the_same_host_what_it_offers(town):
    """Keys must be found before the first contact; strangers of other domains see an account only by an open node."""
    alice, bob = await town.devices("alice", "bob")
    answer = await alice.tries(INFO, to=bob.bare)
    assert ("pubsub", "pep") in identities(answer)
    nobody = await alice.tries(INFO, to="nobody@localhost")
    assert nobody.get("type") == "error"


@story("XEP-0199 §4.2")
async def a_ping_is_answered_by_server_and_account(town):
    [alice] = await town.devices("alice")
    for to in (None, "localhost", alice.bare):
        answer = await alice.asks("<ping xmlns='urn:xmpp:ping'/>", to=to)
        assert len(answer) == 0


@story("XEP-0115 §5")
async def the_servers_own_capabilities_hash_is_what_disco_says(town):
    [alice] = await town.devices("alice")
    await is_what_disco_says(alice)


async def is_what_disco_says(alice):
    """The hash of the stream's features is that of what is said now; returns the node that stands for it."""
    caps = alice.stream.features.find(NS.CAPS + "c")
    assert caps is not None, "stream features carry no <c/>"
    node = f"{caps.get('node')}#{caps.get('ver')}"
    answer = await alice.asks(f"<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>", to="localhost")
    named = sorted(f"{i.get('category')}/{i.get('type')}/{i.get(NS.XML + 'lang') or ''}/{i.get('name') or ''}"
                   for i in answer.iter(NS.DISCO_INFO + "identity"))
    text = "".join(part + "<" for part in named + sorted(features(answer)))  # sorted first, then joined (§5.1)
    assert answer.find(f"{NS.DISCO_INFO}query/{NS.FORM}x") is None, "extend this story: the hash covers forms too"
    assert base64.b64encode(hashlib.sha1(text.encode()).digest()).decode() == caps.get("ver")
    return node


@story("XEP-0030 §3.1, XEP-0115 §6.3: behind a reload", alone=True)
async def what_an_option_switches_is_said_as_it_is_now_and_the_hash_follows(town):
    register, publisher = "jabber:iq:register", "http://jabber.org/protocol/pubsub#publisher-affiliation"
    [alice] = await town.devices("alice")
    before = await is_what_disco_says(alice)
    assert register in await alice.features_of() and publisher not in await alice.features_of(alice.bare)
    town.options |= {"registration.change_password": False, "registration.remove": False, "sealed.mode": "off"}
    town.write_config()
    assert (await town.reload())[0] == 0
    await town.ctl("session", "list")  # a fence: every shard has run what a reload left it to do
    assert register not in await alice.features_of() and publisher in await alice.features_of(alice.bare)
    await alice.is_refused("item-not-found", f"<query xmlns='http://jabber.org/protocol/disco#info' node='{before}'/>", to="localhost")
    bob = await alice.account.device()
    now = await is_what_disco_says(bob)
    assert now != before, "the hash of before"
    town.options["registration.enabled"] = True  # strangers may: so it is there
    town.write_config()
    assert (await town.reload())[0] == 0
    await town.ctl("session", "list")
    assert register in await alice.features_of()
    assert await is_what_disco_says(await alice.account.device()) == before


@story("XEP-0115 §6.2")
async def a_client_is_asked_one_thing_at_a_time_whatever_it_announces(town):
    alice, bob = await town.devices("alice", "bob")

    def questions():
        return alice.stream.takes(lambda event: getattr(event, "tag", "") == NS.CLIENT + "iq"
                                  and event.find(NS.DISCO_INFO + "query") is not None)

    # RFC 6120 §8.2.3 wants an answer to each; this client gives none, and announces a new version every time.
    for start in range(0, 200, 50):
        await alice.sends("".join(
            f"<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:many' ver='v{number}'/></presence>"
            for number in range(start, start + 50)))
        await ping(alice)
    [question] = questions()
    assert question[0].get("node") == "urn:example:many#v0"
    await alice.answers(question, f"<query xmlns='http://jabber.org/protocol/disco#info' node='{question[0].get('node')}'/>")
    await ping(alice)
    [last] = questions()
    assert last[0].get("node") == "urn:example:many#v199"
    await ping(bob)


run()
