"""XEP-0313 §6.1.1 and XEP-0198: what waits, and its owner reads in the archive over a stream that acknowledges."""

import _path  # noqa: F401
from harness import ping, run, story, word_from
from _archive import asks, query, stanza_id
from _managed import Managed, device, message


async def two_wait(town):
    """alice, and bob's account, for which w1 and w2 wait."""
    alice = await (await town.account("alice")).device()
    bob = await town.account("bob")
    for name in ("w1", "w2"):
        await alice.sends(message(bob.bare, name))
    await word_from(alice)(alice)
    return alice, bob


@story("XEP-0313 §6.1.1, XEP-0198 §4: an acknowledged page")
async def what_a_client_has_read_and_acknowledged_waits_no_longer(town):
    alice, bob = await two_wait(town)
    phone = await Managed.of(await bob.device(present=False))
    assert (await asks(phone)).words == ["w1", "w2"]
    await phone.acks()
    await phone.becomes_available()
    await phone.receives_no("message", before=word_from(alice), id="w1")
    await phone.acks()
    await ping(phone)
    await phone.leaves()
    laptop = await bob.device()
    await laptop.receives_no("message", before=word_from(alice), id="w1")
    await laptop.receives_no("message", before=word_from(alice), id="w2")


@story("XEP-0313 §6.1.1, XEP-0198 §4: a page that the network lost")
async def what_a_client_has_not_acknowledged_waits_in_the_same_row(town):
    alice, bob = await two_wait(town)
    phone = await Managed.of(await bob.device(present=False), "")
    page = await asks(phone)
    assert page.words == ["w1", "w2"]
    await phone.becomes_available()
    await phone.receives_no("message", before=word_from(alice), id="w1")  # it has them in hand
    await phone.drops()
    await phone.has_ended()
    laptop = await bob.device()
    came = [await laptop.receives("message", id=name) for name in ("w1", "w2")]
    assert [stanza_id(one) for one in came] == page.ids
    assert int(town.sql(f"SELECT count(*) FROM box WHERE owner = '{bob.bare}' AND id IN ({', '.join(page.ids)})")[0][0]) == 2


@story("XEP-0313 §4.2, XEP-0198 §5: the connection goes over a query")
async def after_a_cut_the_archive_answers_on_the_next_connection(town):
    alice, bob = await two_wait(town)
    phone = await device(town, "carol")
    for round_ in range(5):  # more than limits.archive_queries
        await phone.sends(f"<iq type='set' id='cut-{round_}'>{query()}</iq>")
        await phone.is_cut()
        phone = await phone.resumes()
    assert (await asks(phone)).complete


run()
