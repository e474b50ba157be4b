"""XEP-0215: STUN and TURN servers for calls, and credentials that expire."""

import base64
import datetime
import hashlib
import hmac
import os
import time

import _path  # noqa: F401
from harness import NS, ping, run, story

EXT = "{urn:xmpp:extdisco:2}"
SECRET = "north wind and the sun"
STUN, TURN, TURNS = "stun:stun.example.org", "turn:turn.example.org:3479?transport=tcp", "turns:[2001:db8::1]"


def options(*services, secret=None):
    return {"external_services.list": list(services), **({"external_services.secret_file": secret} if secret else {})}


def secret_file(town, text=SECRET, name="turn.secret"):
    town.write_file(town.folder / name, text + "\n")
    return town.folder / name


async def gets_secret(town, *services, text=SECRET, name="turn.secret"):
    town.options.update(options(*services, secret=secret_file(town, text, name)))
    town.write_config()
    status, out, err = await town.reload()
    assert status == 0, out + err


def services(type_=None):
    wanted = f" type='{type_}'" if type_ else ""
    return f"<services xmlns='urn:xmpp:extdisco:2'{wanted}/>"


def credentials(**attributes):
    said = "".join(f" {name}='{value}'" for name, value in attributes.items())
    return f"<credentials xmlns='urn:xmpp:extdisco:2'><service{said}/></credentials>"


def named(answer):
    return [(one.get("type"), one.get("host"), one.get("port"), one.get("transport")) for one in answer.iter(EXT + "service")]


def holds(service, secret=SECRET):
    """The username says until when; the password is what a TURN server with the secret computes."""
    expiry, pseudonym = service.get("username").split(":")
    password = base64.b64encode(hmac.new(secret.encode(), service.get("username").encode(), hashlib.sha1).digest()).decode()
    assert service.get("password") == password and service.get("restricted") == "true"
    said = datetime.datetime.fromisoformat(service.get("expires").replace("Z", "+00:00"))
    assert int(said.timestamp()) == int(expiry)
    return int(expiry), pseudonym


@story("XEP-0215 §6")
async def the_server_says_that_it_can(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to="localhost")
    assert info.find(f".//{NS.DISCO_INFO}feature[@var='urn:xmpp:extdisco:2']") is not None
    assert named(await alice.asks(services(), to="localhost")) == []  # none are configured
    await alice.is_refused("item-not-found", credentials(host="turn.example.org", type="turn"), to="localhost", type_="cancel")


@story("XEP-0215 §3, §4.1, §4.2", options=options(STUN, TURN, TURNS))
async def all_services_are_named_or_those_of_a_type(town):
    [alice] = await town.devices("alice")
    everything = [("stun", "stun.example.org", "3478", "udp"), ("turn", "turn.example.org", "3479", "tcp"),
                  ("turns", "2001:db8::1", "5349", "tcp")]
    answer = await alice.asks(services(), to="localhost")
    assert named(answer) == everything
    assert all(one.get("username") is None and one.get("restricted") is None for one in answer.iter(EXT + "service"))
    for type_, expected in (("turn", everything[1:2]), ("stun", everything[:1]), ("ftp", [])):
        answer = await alice.asks(services(type_), to="localhost")
        assert named(answer) == expected and answer.find(EXT + "services").get("type") == type_
    await alice.is_refused("item-not-found", credentials(host="turn.example.org", type="turn"), to="localhost")  # no secret


@story("XEP-0215 §3 note, §4.3", options=options(STUN, TURN, TURNS, "turn:turn.example.org"), alone=True)
async def relays_are_named_with_credentials_that_expire(town):
    await gets_secret(town, *town.options["external_services.list"])
    alice, bob = await town.devices("alice", "bob")
    answer = await alice.asks(services(), to="localhost")
    stun, turn, turns, udp = answer.iter(EXT + "service")
    assert stun.get("password") is None and stun.get("restricted") is None
    before = int(time.time())
    for service in (turn, turns, udp):
        expiry, pseudonym = holds(service)
        assert abs(expiry - before - 12 * 3600) < 120
        assert "alice" not in pseudonym and len(pseudonym) == 24
    asked = list((await alice.asks(credentials(host="turn.example.org", type="turn"), to="localhost")).iter(EXT + "service"))
    assert [(one.get("host"), one.get("port")) for one in asked] == [("turn.example.org", "3479"), ("turn.example.org", "3478")]
    assert {holds(one)[1] for one in asked} == {pseudonym}  # a relay can count by person
    [one] = (await alice.asks(credentials(host="turn.example.org", type="turn", port="3478"), to="localhost")).iter(EXT + "service")
    assert one.get("transport") == "udp"
    [other] = (await bob.asks(services("turns"), to="localhost")).iter(EXT + "service")
    assert holds(other)[1] != pseudonym
    assert SECRET.encode() not in bytes(alice.stream.heard) and SECRET not in town.log()


@story("XEP-0215 §4.3", options=options(STUN, TURN), alone=True)
async def for_what_there_are_no_credentials_there_is_an_error(town):
    await gets_secret(town, STUN, TURN)
    [alice] = await town.devices("alice")
    for wrong in (dict(host="turn.example.org", type="turns"), dict(host="other.example.org", type="turn"),
                  dict(host="turn.example.org", type="turn", port="1"), dict(host="stun.example.org", type="stun"),
                  dict(host="turn.example.org", type="turn", transport="udp")):
        await alice.is_refused("item-not-found", credentials(**wrong), to="localhost", type_="cancel")
    for malformed in (credentials(host="turn.example.org"), credentials(type="turn"),
                      "<credentials xmlns='urn:xmpp:extdisco:2'/>"):
        await alice.is_refused("bad-request", malformed, to="localhost", type_="modify")
    await alice.is_refused("service-unavailable", services(), "set", to="localhost")
    bob = (await town.devices("bob"))[0]
    await alice.is_refused("service-unavailable", services(), to=bob.bare)


@story("XEP-0215 §4.2: pushes", options=options(STUN, TURN), alone=True)
async def who_asked_for_a_type_is_told_what_changes(town):
    alice, bob = await town.devices("alice", "bob")
    await alice.asks(services("turn"), to="localhost")
    await bob.asks(services(), to="localhost")  # not of a type
    town.options.update(options(STUN, "turn:relay.example.org"))
    town.write_config()
    assert (await town.reload())[0] == 0
    push = await alice.receives("iq", type_="set", child=EXT + "services")
    assert push.get("from") == "localhost" and push.find(EXT + "services").get("type") == "turn"
    assert [(one.get("action"), one.get("host")) for one in push.iter(EXT + "service")] == \
        [("delete", "turn.example.org"), ("add", "relay.example.org")]
    await alice.answers(push)
    await bob.receives_no("iq", before=ping, child=EXT + "services")
    await gets_secret(town, STUN, "turn:relay.example.org")  # now with credentials
    push = await alice.receives("iq", type_="set", child=EXT + "services")
    [one] = push.iter(EXT + "service")
    assert one.get("action") == "modify"
    holds(one)
    await alice.answers(push)
    assert (await town.reload())[0] == 0  # nothing has changed
    await alice.receives_no("iq", before=ping, child=EXT + "services")


@story("docs/security.md §5", options=options(TURN), alone=True)
async def a_secret_that_others_can_read_or_that_is_too_short_is_refused(town):
    await gets_secret(town, TURN)
    [alice] = await town.devices("alice")
    for name, text, mode in (("open", SECRET, 0o644), ("short", "fifteen bytes..", 0o600), ("missing", None, 0)):
        file = town.folder / name
        if text is not None:
            secret_file(town, text, name)
            file.chmod(mode)
        town.options["external_services.secret_file"] = file
        town.write_config()
        status, out, err = await town.reload()
        assert status != 0 and "secret" in out + err and SECRET not in out + err, (name, out, err)
    [one] = (await alice.asks(services("turn"), to="localhost")).iter(EXT + "service")
    holds(one)  # what was in force stays
    assert os.path.exists(town.folder / "turn.secret")


@story("external_services.list")
async def what_is_no_service_is_refused_with_its_line(town):
    for bad in ("turn.example.org", "turn:", "turn:a b", "turn:host:0", "turn:host:65536", "turn:host?transport=sctp", "http://x",
                "stun:host?transport=udp", "turn:[::1", "turner:host"):
        town.options["external_services.list"] = [bad]
        town.write_config()
        status, out, err = await town.reload()
        assert status != 0 and "external_services.list" in out + err, bad
    del town.options["external_services.list"]
    town.write_config()
    assert (await town.reload())[0] == 0


if __name__ == "__main__":
    run()
