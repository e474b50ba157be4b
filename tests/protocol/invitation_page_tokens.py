"""Of which invitations there is a page (XEP-0401 §5.2), and who guesses at them."""

import asyncio
import re

import _path  # noqa: F401
from harness import run, story
from harness.device import expect_error
from harness.web import Http
from _invitation_page import PAGE, path_of, text_of, visits
from _invitations import comes, is_invited, registers, shows, token_of


# ---- which there are, and which there were

@story("XEP-0401 §5.2", options=PAGE)
async def to_read_it_uses_nothing_up(town):
    made = await is_invited(town, "localhost")
    token = token_of(made["uri"])
    assert [(await visits(town, made["web"])).status for _ in range(5)] == [200] * 5
    stream = await town.stream().reaches_tls()
    assert (await shows(stream, token)).get("type") == "result"
    async with town.store_is_paused():
        registering = asyncio.create_task(registers(stream, "ophelia"))
        await town.waits_for_the_store(1)
        assert (await visits(town, made["web"])).status == 200, "it may fail yet"
    assert (await registering).get("type") == "result"
    assert (await visits(town, made["web"])).status == 410


@story("RFC 9110 §15.5.5, §15.5.11", options=PAGE)
async def what_is_over_is_gone_and_what_never_was_is_not_there(town):
    [alice] = await town.devices("alice")
    used, revoked, several = [await is_invited(town, "localhost", "--uses", uses) for uses in ("1", "1", "2")]
    theirs = await is_invited(town, "localhost", "--inviter", alice.bare)
    unknown = [used["web"][:-32] + text for text in ("a" * 32, "", "x", "a" * 31, "A" * 32, "a" * 64, "a" * 65, "..", "%00", "a" * 32 + "/")]
    answers = [await visits(town, url) for url in unknown]
    assert [answer.status for answer in answers] == [404] * len(unknown), answers
    assert len({answer.body for answer in answers}) == 1, "all the same"
    for name, made in (("quince", used), ("snug", several)):
        await comes(town, token_of(made["uri"]), name)
    await town.ctl("invite", "revoke", "localhost", revoked["id"])
    await town.ctl("user", "disable", alice.bare)
    gone = [await visits(town, made["web"]) for made in (used, revoked, theirs)]
    assert [answer.status for answer in gone] == [410] * 3, gone
    assert len({answer.body for answer in gone}) == 1, "nor does it say why"
    assert alice.bare.encode() not in gone[2].body and b"quince" not in gone[0].body
    assert (await visits(town, several["web"])).status == 200, "there is a use left"
    await comes(town, token_of(several["uri"]), "flute")
    assert (await visits(town, several["web"])).status == 410
    await town.ctl("user", "enable", alice.bare)
    assert (await visits(town, theirs["web"])).status == 200
    await town.ctl("user", "delete", alice.bare)
    assert (await visits(town, theirs["web"])).status == 410
    # To a client before log-in all are the same.
    for made in (used, revoked, theirs):
        expect_error(await shows(await town.stream().reaches_tls(), token_of(made["uri"])), "item-not-found")


@story("XEP-0379 §6.2: time and restarts", options=PAGE, alone=True)
async def what_is_over_is_so_after_a_crash_too_and_for_a_month(town):
    used, late, old = [await is_invited(town, "localhost") for _ in range(3)]
    await comes(town, token_of(used["uri"]), "starveling")
    await town.ctl("invite", "revoke", "localhost", old["id"])
    await town.kill()

    def changes(made, attribute, value):
        row = f"owner = 'localhost' AND name LIKE '{made['id']}%'"
        [(text,)] = town.sql(f"SELECT value FROM account_data WHERE {row}")
        changed = re.sub(rf"{attribute}=(['\"])\d+", rf"{attribute}=\g<1>{value}", text)
        assert changed != text, text
        town.sql(f"UPDATE account_data SET value = '" + changed.replace("'", "''") + f"' WHERE {row}")

    changes(late, "expires", 1)
    changes(old, "at", 1)
    await town.start()
    assert [(await visits(town, made["web"])).status for made in (used, late, old)] == [410, 410, 404]
    [row] = town.sql(f"SELECT value FROM account_data WHERE name LIKE '{used['id']}%'")
    assert row[0].startswith("<over ") and "starveling" not in row[0], row
    assert {one["id"] for one in await town.ctl_json("invite", "list")} <= {late["id"]}
    while town.sql(f"SELECT value FROM account_data WHERE name LIKE '{old['id']}%'"):
        pass  # being written


@story("RFC 9110 §15.6.4: a store that is away", options=PAGE, alone=True)
async def an_invitation_that_cannot_be_read_is_not_said_to_be_over(town):
    made = await is_invited(town, "localhost")
    town.options["invitations.enabled"] = False  # they are read when they are needed first
    town.write_config()
    await town.restart()
    town.sql("ALTER TABLE account_data RENAME TO away")
    town.options["invitations.enabled"] = True
    town.write_config()
    await town.reload()
    answer = await visits(town, made["web"])
    town.sql("ALTER TABLE away RENAME TO account_data")
    assert answer.status == 503 and answer.fields["retry-after"] == "60" and b"xmpp:" not in answer.body, answer
    assert "can’t be read at the moment" in text_of(answer)
    assert (await visits(town, made["web"])).status == 200


# ---- who guesses

@story("invitation_page.wrong_tokens_per_hour", options={**PAGE, "invitation_page.wrong_tokens_per_hour": 5})
async def whoever_guesses_is_refused_and_nobody_else(town):
    made, used = await is_invited(town, "localhost"), await is_invited(town, "localhost")
    await comes(town, token_of(used["uri"]), "snout")
    guesser, other = "127.1.1.1", "127.1.1.2"
    for _ in range(20):  # none of these is a guess
        assert (await visits(town, made["web"], source=guesser)).status == 200
        assert (await visits(town, used["web"], source=guesser)).status == 410
        assert (await visits(town, made["web"] + "x" * 64, source=guesser)).status == 404
    wrong = made["web"][:-1] + ("a" if made["web"][-1] != "a" else "b")
    statuses = [(await visits(town, wrong, source=guesser)).status for _ in range(8)]
    assert statuses == [404] * 5 + [429] * 3, statuses
    refused = await visits(town, made["web"], source=guesser)
    assert refused.status == 429 and int(refused.fields["retry-after"]) == 721, refused
    assert b"xmpp:" not in refused.body and "Too many attempts" in text_of(refused)
    assert (await visits(town, made["web"], source=other)).status == 200
    assert (await visits(town, wrong, source=other)).status == 404


@story("invitation_page.wrong_tokens_per_hour", options={**PAGE, "invitation_page.wrong_tokens_per_hour": 4})
async def who_guesses_many_at_once_gains_nothing(town):
    wrong = f"https://localhost/invite/{'a' * 32}"
    answers = await asyncio.gather(*(visits(town, wrong, source="127.1.1.3") for _ in range(40)))
    assert sorted(answer.status for answer in answers) == [404] * 4 + [429] * 36, answers


@story("behind a proxy", options={**PAGE, "http.proxies": ["127.0.0.0/8"], "invitation_page.wrong_tokens_per_hour": 2})
async def behind_a_proxy_each_client_is_counted_for_himself(town):
    made = await is_invited(town, "localhost")
    assert made["web"] == "https://localhost/invite/" + token_of(made["uri"]), made
    wrong = made["web"][:-1] + ("a" if made["web"][-1] != "a" else "b")

    async def asks(url, address):
        return (await visits(town, url, plain=True, X_Forwarded_For=address)).status

    assert [await asks(wrong, "192.0.2.1") for _ in range(3)] == [404, 404, 429]
    assert await asks(made["web"], "192.0.2.1") == 429 and await asks(made["web"], "192.0.2.2") == 200
    # One subscriber of IPv6 has a /64.
    assert [await asks(wrong, f"2001:db8::{i}") for i in (1, 2, 3)] == [404, 404, 429]
    assert await asks(made["web"], "2001:db8:0:1::1") == 200


@story("bounds", options=PAGE)
async def many_at_once_on_one_connection_get_their_answers(town):
    made = await is_invited(town, "localhost")
    connection = await Http(town.place).connect()
    for _ in range(50):
        answer = await connection.asks("GET", path_of(made["web"]))
        assert answer.status == 200 and made["uri"].encode() in answer.body
    connection.close()


run()
