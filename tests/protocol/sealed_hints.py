"""docs/sealed.md §5: who forgot to seal reads where the padlock is, if capabilities tell which client it is."""

import _path  # noqa: F401
from harness import NS, run, story
from harness.corpus import stanzas

GENERAL = {"en": "Not delivered: this server only carries encrypted messages. Switch on OMEMO (the padlock) in this chat and send again.",
           "fr": "Message non transmis : sur ce serveur, tout doit être chiffré. Activez OMEMO (le cadenas) dans cette conversation, "
                 "puis renvoyez."}
# A recording of each (tests/corpus/stanzas) -> what is said to it, in both languages.
HINTS = {
    "correct--gajim-alice9x0": ("In Gajim: the padlock, then OMEMO.", "Dans Gajim : le cadenas, puis OMEMO."),
    "correct--dino-alice9x0": ("In Dino: the padlock beside the line, then OMEMO.", "Dans Dino : le cadenas à côté de la ligne, puis OMEMO."),
    "correct--converse-alice9x0": ("In Converse: the padlock in this chat.", "Dans Converse : le cadenas de cette conversation."),
    "correct--profanity-alice9x0": ("In Profanity: /omemo start; for good: /omemo policy always.",
                                    "Dans Profanity : /omemo start ; pour toujours : /omemo policy always."),
}


def caps(node, version="QgayPKawpkPSDYmwT/WM94uAlu0="):
    return f"<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{node}' ver='{version}'/>"


def recorded_node(recording):
    for stanza in stanzas(recording):
        found = stanza.find("{http://jabber.org/protocol/caps}c")
        if stanza.tag == NS.CLIENT + "presence" and found is not None:
            return found.get("node")
    raise LookupError(recording)


async def texts_for(device, other):
    """What the error to an unsealed message says, and the server's message behind it."""
    await device.sends(f"<message to='{other.bare}' id='m1' type='chat'><body>the merger is on friday</body></message>")
    error = await device.gets_error("message", "m1", "policy-violation", "modify")
    [text] = error.findall(f"{NS.CLIENT}error/{NS.STANZA_ERROR}text")
    notice = await device.receives("message", from_="localhost", type_="chat")
    return text.text, notice.findtext(NS.CLIENT + "body")


async def person(town, lang, *announced):
    device = await (await town.account("alice")).device(lang=lang)
    for node in announced:
        await device.becomes_available(caps(node))
    return device


@story("docs/sealed.md §5, XEP-0115 §4")
async def a_known_client_reads_what_to_do_in_it(town):
    [bob] = await town.devices("bob")
    for recording, hints in {**HINTS, "http://conversations.im": ("In Conversations: the padlock, then OMEMO.",
                                                                  "Dans Conversations : le cadenas, puis OMEMO.")}.items():
        node = recording if "://" in recording else recorded_node(recording)
        for lang, hint in zip(("en", "fr"), hints):
            text, notice = await texts_for(await person(town, lang, node), bob)
            assert text == notice == f"{GENERAL[lang]} {hint}", (text, notice)


@story("docs/sealed.md §5")
async def an_unknown_client_reads_the_general_text_and_nothing_of_its_name(town):
    [bob] = await town.devices("bob")
    for announced in ((), ("https://client.example",), ("https://gajim.org/2.0",), ("https://gajim.org" + "/merger" * 60,),
                      ("merger" * 200,), ("https://gajim.org", "https://client.example")):  # the last word counts
        for lang in ("en", "fr"):
            device = await person(town, lang, *announced)
            begin = len(device.stream.heard)
            assert await texts_for(device, bob) == (GENERAL[lang], GENERAL[lang]), announced
            assert b"merger" not in bytes(device.stream.heard)[begin:]


@story("docs/sealed.md §5")
async def other_refusals_say_what_they_always_say(town):
    [bob] = await town.devices("bob")
    device = await person(town, "en", "https://gajim.org")
    await device.sends(f"<message to='{bob.bare}' id='m1' type='chat'><reactions xmlns='urn:xmpp:reactions:0' id='m0'>"
                       "<reaction>👍</reaction></reactions></message>")
    error = await device.gets_error("message", "m1", "policy-violation", "modify")
    text = error.findtext(f"{NS.CLIENT}error/{NS.STANZA_ERROR}text")
    assert text == "Reaction not delivered: your app sends it unencrypted. Please answer with a message.", text


run()
