"""Stories through real sockets: a town (one running valised), people with accounts, and their devices.

    @story("RFC 6121 §8.5.2.1.1")
    async def a_message_to_a_bare_jid_reaches_the_most_available_device(town):
        alice, bob = await town.devices("alice", "bob")
        await alice.sends(f"<message to='{bob.bare}' id='m1' type='chat'>{sealed('m1')}</message>")
        await bob.receives("message", id="m1", from_=alice.full)

Standard library and expat alone; the client under the stories is our own (stream.py), able to send broken bytes.
Nothing sleeps: a story waits for a stanza, or proves an absence by a fence (receives_no(…, before=…)).
"""

from .device import Account, Device, answer_of, ping, refusals_of, saved_word_from, word_from
from .ns import NS
from .sealed import sealed, sealed_empty
from .stories import announced, run, story
from .stream import Disconnected, Stream, StreamClosed, with_id
from .town import Town

__all__ = ["NS", "Account", "Device", "Disconnected", "Stream", "StreamClosed", "Town", "announced", "answer_of",
           "ping", "refusals_of", "run", "saved_word_from", "sealed", "sealed_empty", "story", "with_id", "word_from"]
