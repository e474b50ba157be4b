"""What the public compliance tester (docs/compliance.md) looks at, where it looks: a feature that it does not find there is
as good as none. `shows` names its check; docs.compliance looks for each."""

import _path  # noqa: F401
from harness import NS, run, story
from harness.web import http

CAPS = "{http://jabber.org/protocol/caps}c"


def shows(*checks):
    """The tester's short names of what the story does as the tester does it."""
    return lambda function: function


async def features_of(device, address):
    info = await device.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=address)
    return {one.get("var") for one in info.iter(NS.DISCO_INFO + "feature")}


@story("docs/compliance.md: AbstractDiscoTest on the domain")
@shows("xep0191", "xep0280", "xep0160")
async def the_domain_names_blocking_carbons_and_offline_messages(town):
    [alice] = await town.devices("alice")
    assert {"urn:xmpp:blocking", "urn:xmpp:carbons:2", "msgoffline"} <= await features_of(alice, town.place.domain)


@story("docs/compliance.md: AbstractDiscoTest on the account")
@shows("xep0313", "xep0313 extended", "xep0398", "xep0411", "xep0163")
async def the_account_names_its_archive_its_conversions_and_personal_eventing(town):
    [alice] = await town.devices("alice")
    found = await features_of(alice, alice.bare)
    assert {"urn:xmpp:mam:2", "urn:xmpp:mam:2#extended", "urn:xmpp:pep-vcard-conversion:0",
            "urn:xmpp:bookmarks-conversion:0", "http://jabber.org/protocol/pubsub#publish-options"} <= found
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=alice.bare)
    assert ("pubsub", "pep") in [(one.get("category"), one.get("type")) for one in info.iter(NS.DISCO_INFO + "identity")]


@story("docs/compliance.md: AbstractStreamFeatureTest")
@shows("xep0352", "xep0115", "xep0198", "roster_versioning")
async def the_stream_names_what_is_asked_of_it_behind_log_in(town):
    account = await town.account("alice")
    stream = await town.stream().reaches_tls()
    await stream.authenticates(account.name, account.password)
    for feature in ("{urn:xmpp:csi:0}csi", CAPS, "{urn:xmpp:sm:3}sm", "{urn:xmpp:features:rosterver}ver"):
        assert stream.features.find(feature) is not None, feature


@story("docs/compliance.md: the registration of a stranger", options={"registration.enabled": True})
@shows("xep0077")
async def a_stranger_is_offered_registration_where_it_is_open(town):
    stream = await town.stream().reaches_tls()
    assert stream.features.find("{http://jabber.org/features/iq-register}register") is not None


@story("docs/compliance.md: whom to write to about abuse", options={"disco.contacts": ["abuse-addresses=mailto:abuse@localhost"]})
@shows("abuse-contact")
async def the_domain_names_an_address_for_abuse(town):
    [alice] = await town.devices("alice")
    info = await alice.asks("<query xmlns='http://jabber.org/protocol/disco#info'/>", to=town.place.domain)
    fields = {field.get("var"): field.findtext(NS.FORM + "value") for field in info.iter(NS.FORM + "field")}
    assert fields.get("abuse-addresses") == "mailto:abuse@localhost"


@story("docs/compliance.md: how a browser gets in", options={"http.origins": ["*"]})
@shows("xep0156")
async def the_ways_in_for_browsers_are_open_to_pages_of_every_origin(town):
    """BOSH says so with a star, to a page without an origin, too."""
    found = await http(town.place, "GET", "/.well-known/host-meta")
    assert found.status == 200 and found.fields["access-control-allow-origin"] == "*"
    assert b"alt-connections:websocket" in found.body and b"alt-connections:xbosh" in found.body
    for origin in ("null", "https://compliance.example"):
        preflight = await http(town.place, "OPTIONS", "/http-bind", Origin=origin)
        assert preflight.status <= 299 and preflight.fields["access-control-allow-origin"] == "*", preflight
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Protocol": "xmpp",
               "Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "AAECAwQFBgcICQoLDA0ODw=="}
    assert (await http(town.place, "GET", "/xmpp-websocket", **upgrade)).status == 101


@story("docs/compliance.md: how a browser gets in, where an administrator opens nothing")
async def without_the_option_a_foreign_page_is_refused(town):
    assert (await http(town.place, "OPTIONS", "/http-bind", Origin="null")).status == 403


run()
