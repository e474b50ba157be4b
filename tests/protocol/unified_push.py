"""The provider of UnifiedPush: an application's server posts to an endpoint, the device that distributes gets it."""

import asyncio
import base64
import json
import os

import _path  # noqa: F401
from harness import ping, run, story
from harness.sasl2 import device as log_in
from harness.stream import WAIT_SECONDS
from harness.town import ServerDied, Town
from harness.web import http
from _push import new_agent, refuses

UP = "{http://gultsch.de/xmpp/drafts/unified-push}"
ON = {"unified_push.enabled": True}
OPEN = {**ON, "sealed.mode": "off"}
# The base point of P-256: any point of the curve is a public key.
POINT = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                      "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


def name():
    return base64.b64encode(os.urandom(32)).decode()


def register(application, instance):
    return f"<register xmlns='{UP[1:-1]}' application='{application}' instance='{instance}'/>"


def record(size=200, salt=None, record_size=4096, key=POINT, content=None):
    """What RFC 8291 §4 makes of a message."""
    content = os.urandom(size) if content is None else content
    return (salt or os.urandom(16)) + record_size.to_bytes(4, "big") + bytes([len(key)]) + key + content


class Endpoint:
    def __init__(self, device, application, instance, answer):
        self.device, self.application, self.instance = device, application, instance
        self.registered = answer.find(UP + "registered")
        self.address = self.registered.get("endpoint")
        self.path = self.address[self.address.index("/", len("https://")):]

    @classmethod
    async def of(cls, device, application=None, instance=None):
        application, instance = application or name(), instance or name()
        return cls(device, application, instance, await device.sets(register(application, instance), "localhost"))

    async def post(self, body=None, encoding="aes128gcm", method="POST"):
        fields = {"Content-Encoding": encoding} if encoding else {}
        return await http(self.device.account.town.place, method, self.path, record() if body is None else body, **fields)

    async def comes(self):
        return await self.device.receives("iq", type_="set", child=UP + "push")

    async def is_delivered(self, body, encoding="aes128gcm"):
        """Posted, handed to the device and taken by it: 201."""
        posted = asyncio.ensure_future(self.post(body, encoding))
        iq = await self.comes()
        push = iq.find(UP + "push")
        assert iq.get("from") == "localhost" and push.get("application") == self.application and push.get("instance") == self.instance
        assert base64.b64decode(push.text, validate=True) == body
        await self.device.answers(iq)
        answer = await posted
        assert answer.status == 201 and answer.fields["ttl"] == "0", answer

    async def is_gone(self):
        """404, and nothing comes."""
        assert (await self.post()).status == 404
        assert (await self.post(b"", None, "GET")).status == 404


async def distributor(town, account="alice", **how):
    return await (await town.account(account)).device(**how)


@story("XEP-0030", options=ON)
async def the_provider_is_announced(town):
    phone = await distributor(town)
    assert UP[1:-1] in await phone.features_of()


@story("unified_push.enabled")
async def where_an_administrator_has_not_switched_it_on_there_is_none(town):
    phone = await distributor(town)
    assert UP[1:-1] not in await phone.features_of()
    await phone.is_refused("service-unavailable", register(name(), name()), "set", "localhost")
    assert (await http(town.place, "POST", "/push/AAAA", record())).status == 404


@story("unified_push.enabled: without a web listener nobody could send anything")
async def it_is_refused_where_nothing_listens_for_the_web(_town):
    town = Town({**ON, "listen.https": None})
    try:
        await town.start()
    except ServerDied as died:
        assert "unified_push.enabled: there is no web listener; set listen.https or listen.http" in str(died), died
        assert "valise.lua:" in str(died), died
    else:
        raise AssertionError("it starts")
    finally:
        await town.close()


@story("UnifiedPush, Endpoint; Push 201", options=ON)
async def what_is_posted_comes_to_the_device_byte_for_byte(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    assert endpoint.address.startswith(f"https://localhost:{town.place.web_port}/push/") and len(endpoint.address) <= 1000
    assert endpoint.registered.get("expiration").endswith("Z")
    for size in (17, 200, 4096 - 86):
        await endpoint.is_delivered(record(size))


@story("UnifiedPush, Endpoint: an unguessable identifier", options=ON)
async def the_address_says_nothing_of_whose_it_is_and_can_not_be_made_up(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    word = endpoint.path.removeprefix("/push/")
    raw = base64.urlsafe_b64decode(word + "=" * (-len(word) % 4))
    assert phone.account.name.encode() not in raw and b"localhost" not in raw and len(raw) >= 20 + 12 + 16
    for forged in (word[:-2] + ("AA" if word[-2:] != "AA" else "BB"), word[1:], word + "AAAA", "A" * 60, "A" * 4000, "", "%2e%2e",
                   word.replace(word[20], "-" if word[20] != "-" else "A", 1), word + "=", word + "/x"):
        answer = await http(town.place, "POST", "/push/" + forged, record(), Content_Encoding="aes128gcm")
        assert answer.status == 404, (forged, answer)
    await phone.receives_no("iq", before=ping, child=UP + "push")
    await endpoint.is_delivered(record())


@story("UnifiedPush, Discovery", options=ON)
async def who_asks_an_endpoint_learns_that_it_is_one(town):
    endpoint = await Endpoint.of(await distributor(town))
    answer = await endpoint.post(b"", None, "GET")
    assert answer.status == 200 and answer.fields["content-type"] == "application/json"
    assert json.loads(answer.body) == {"unifiedpush": {"version": 1}}
    assert (await http(town.place, "GET", "/push/AAAA")).status == 404
    assert (await http(town.place, "PUT", endpoint.path, record())).status == 405


@story("UnifiedPush, Push: 1 to 4096 bytes", options=OPEN)
async def a_message_has_1_to_4096_bytes(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    assert (await endpoint.post(b"", None)).status == 400
    assert (await endpoint.post(os.urandom(4097), None)).status == 413
    await phone.receives_no("iq", before=ping, child=UP + "push")
    for size in (1, 4096):
        await endpoint.is_delivered(os.urandom(size), None)


@story("RFC 8291 §4, docs/sealed.md 3.5", options=ON)
async def where_content_is_sealed_nothing_else_passes(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    off_the_curve = POINT[:-1] + bytes([POINT[-1] ^ 1])
    for encoding, body in ((None, b"hello"), ("aes128gcm", b"hello"), ("aes128gcm", b"hello " * 40), (None, record()), ("aesgcm", record()),
                           ("aes128gcm", record(16)), ("aes128gcm", record(key=off_the_curve)), ("aes128gcm", record(key=POINT[:33])),
                           ("aes128gcm", record(key=b"", content=os.urandom(80))), ("aes128gcm", record(200, record_size=199)),
                           ("aes128gcm", record(17, record_size=17)), ("aes128gcm", record(content=b"Do you read me? Over and out."))):
        answer = await endpoint.post(body, encoding)
        assert answer.status == 400 and b"RFC 8291" in answer.body, (encoding, body, answer)
    await phone.receives_no("iq", before=ping, child=UP + "push")
    await endpoint.is_delivered(record())


@story("the protocol of the distributor: convention of names", options=ON)
async def names_are_digests_and_nothing_else(town):
    phone = await distributor(town)
    good = name()
    for application, instance in (("", good), (good, ""), ("word", good), (good, base64.b64encode(os.urandom(31)).decode()),
                                  (good, base64.b64encode(os.urandom(33)).decode()), (good[:-1], good), (good, "ü")):
        await phone.is_refused("bad-request", register(application, instance), "set", "localhost", type_="modify")
    await phone.is_refused("bad-request", f"<register xmlns='{UP[1:-1]}'/>", "set", "localhost")


@story("UnifiedPush: registered anew", options=ON)
async def a_renewed_endpoint_keeps_its_address_and_another_application_has_another(town):
    phone = await distributor(town)
    first = await Endpoint.of(phone)
    assert (await Endpoint.of(phone, first.application, first.instance)).address == first.address
    for other in (await Endpoint.of(phone, first.application), await Endpoint.of(phone, None, first.instance)):
        assert other.address != first.address
    await town.restart()
    phone = await phone.account.device(resource=phone.full.split("/", 1)[1])
    first.device = phone
    await first.is_delivered(record())
    assert (await Endpoint.of(phone, first.application, first.instance)).address == first.address


@story("unified_push.max", options={**ON, "unified_push.max": 2})
async def an_account_has_a_bounded_number_of_them(town):
    phone = await distributor(town)
    first, _ = await Endpoint.of(phone), await Endpoint.of(phone)
    await phone.is_refused("resource-constraint", register(name(), name()), "set", "localhost", type_="wait")
    await Endpoint.of(phone, first.application, first.instance)  # it has one already
    await first.is_delivered(record())


@story("UnifiedPush, 404: expired", options={**ON, "unified_push.lifetime": 1})
async def an_endpoint_that_is_not_renewed_ends(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    async with asyncio.timeout(WAIT_SECONDS):
        while (await endpoint.post(b"", None, "GET")).status == 200:
            pass  # until its second is over
    await endpoint.is_gone()
    await phone.receives_no("iq", before=ping, child=UP + "push")


@story("UnifiedPush, 404: revoked", options=ON)
async def when_the_application_is_gone_the_endpoint_is_too(town):
    phone = await distributor(town)
    for condition in ("item-not-found", "feature-not-implemented"):
        endpoint = await Endpoint.of(phone)
        posted = asyncio.ensure_future(endpoint.post())
        await refuses(phone, await endpoint.comes(), condition, "cancel")
        assert (await posted).status == 404
        await endpoint.is_gone()
    await town.restart()
    endpoint.device = await phone.account.device(resource=phone.full.split("/", 1)[1])
    await endpoint.is_gone()


@story("UnifiedPush, other responses", options=ON)
async def what_the_device_does_not_take_now_may_be_tried_later(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    posted = asyncio.ensure_future(endpoint.post())
    await refuses(phone, await endpoint.comes(), "service-unavailable", "cancel")
    answer = await posted
    assert answer.status == 503 and answer.fields["retry-after"], answer
    await endpoint.is_delivered(record())
    posted = asyncio.ensure_future(endpoint.post())
    await endpoint.comes()
    await phone.drops()  # before it has answered
    assert (await posted).status == 503


@story("RFC 8030 §5.2: TTL 0", options=ON)
async def nothing_is_kept_for_a_device_that_is_away(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    await phone.leaves()
    answer = await endpoint.post()
    assert answer.status == 503 and answer.fields["retry-after"], answer
    other = await phone.account.device(resource="other")  # another device does not get it
    assert (await endpoint.post()).status == 503
    again = await phone.account.device(resource=phone.full.split("/", 1)[1])
    for device in (again, other):
        await device.receives_no("iq", before=ping, child=UP + "push")
    endpoint.device = again
    await endpoint.is_delivered(record())


@story("UnifiedPush, 429", options={**ON, "unified_push.per_minute": 2})
async def an_endpoint_takes_so_much_and_others_are_not_held_back_by_it(town):
    phone = await distributor(town)
    endpoint, other = await Endpoint.of(phone), await Endpoint.of(phone)
    for _ in range(2):
        await endpoint.is_delivered(record())
    answer = await endpoint.post()
    assert answer.status == 429 and answer.fields["retry-after"], answer
    await phone.receives_no("iq", before=ping, child=UP + "push")
    await other.is_delivered(record())


@story("UnifiedPush, 429: a device that does not answer", options=ON)
async def a_device_owes_few_answers_and_keeps_room_for_what_the_server_asks(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    posted = [asyncio.ensure_future(endpoint.post()) for _ in range(4)]
    asked = [await endpoint.comes() for _ in range(4)]
    assert (await endpoint.post()).status == 429
    for iq in asked:
        await phone.answers(iq)
    assert {(await one).status for one in posted} == {201}
    await endpoint.is_delivered(record())


@story("XEP-0388 §2.3", options=ON)
async def a_client_that_says_who_it_is_gets_it_under_another_resource(town):
    alice, agent = await town.account("alice"), new_agent()
    endpoint = await Endpoint.of(await log_in(town, alice, agent, "Phone"))
    await endpoint.device.leaves()
    endpoint.device = await log_in(town, alice, agent, "Other")
    await endpoint.is_delivered(record())


@story("XEP-0494 §3.2", options=ON)
async def a_client_whose_access_was_taken_back_has_no_endpoints(town):
    alice, agent = await town.account("alice"), new_agent()
    phone, laptop = await log_in(town, alice, agent, "Phone"), await alice.device("laptop")
    endpoint, stays = await Endpoint.of(phone), await Endpoint.of(laptop)
    lines = list((await laptop.asks("<list xmlns='urn:xmpp:cam:0'/>")).find("{urn:xmpp:cam:0}clients"))
    await laptop.tries(f"<revoke xmlns='urn:xmpp:cam:0' id='{lines[0].get('id')}'/>", "set")
    await phone.stream.fails_with("not-authorized")
    await endpoint.is_gone()
    await stays.is_delivered(record())


@story("an account that is gone", options=ON)
async def with_an_account_its_endpoints_go(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    await town.ctl("user", "delete", phone.bare)
    await endpoint.is_gone()


@story("docs/security.md: records", options=ON)
async def who_registers_is_recorded_and_what_is_pushed_leaves_no_trace(town):
    phone = await distributor(town)
    endpoint = await Endpoint.of(phone)
    body = record()
    await endpoint.is_delivered(body)
    assert await town.records(reason="endpoint-registered")
    word = endpoint.path.removeprefix("/push/")
    assert word not in town.log() and base64.b64encode(body).decode()[:40] not in town.log()
    assert all(word not in str(one) for one in await town.records())


run()
