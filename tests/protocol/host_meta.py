"""Where browsers find a host (XEP-0156), and what the web listener says to everything else."""

import json
import xml.etree.ElementTree as ET

import _path  # noqa: F401
from harness.stories import run, story
from harness.web import Http, http

XRD = "{http://docs.oasis-open.org/ns/xri/xrd-1.0}"
WEBSOCKET, BOSH = "urn:xmpp:alt-connections:websocket", "urn:xmpp:alt-connections:xbosh"


def links_of(answer):
    return {link.get("rel"): link.get("href") for link in ET.fromstring(answer.body).iter(XRD + "Link")}


@story("XEP-0156 §3")
async def both_formats_name_both_ways(town):
    port = town.place.web_port
    wanted = {WEBSOCKET: f"wss://localhost:{port}/xmpp-websocket", BOSH: f"https://localhost:{port}/http-bind"}
    xrd = await http(town.place, "GET", "/.well-known/host-meta")
    assert xrd.status == 200 and xrd.fields["content-type"].startswith("application/xrd+xml"), xrd
    assert links_of(xrd) == wanted, links_of(xrd)
    jrd = await http(town.place, "GET", "/.well-known/host-meta.json")
    assert jrd.fields["content-type"] == "application/json"
    assert {link["rel"]: link["href"] for link in json.loads(jrd.body)["links"]} == wanted
    for answer in (xrd, jrd):
        assert answer.fields["access-control-allow-origin"] == "*"  # §4: pages of every origin may read it


@story("XEP-0156 §3", options={'host["localhost"].http.url': "https://chat.example.org"})
async def the_addresses_are_those_that_browsers_use(town):
    links = links_of(await http(town.place, "GET", "/.well-known/host-meta"))
    assert links == {WEBSOCKET: "wss://chat.example.org/xmpp-websocket", BOSH: "https://chat.example.org/http-bind"}


@story("XEP-0156 §3", options={"http.proxies": ["127.0.0.0/8"]})
async def behind_a_proxy_the_port_is_the_webs_own(town):
    links = links_of(await http(town.place, "GET", "/.well-known/host-meta", plain=True))
    assert links[WEBSOCKET] == "wss://localhost/xmpp-websocket"


@story("XEP-0156 §3")
async def a_host_that_is_not_here_has_no_links(town):
    for name in ("other.example", "127.0.0.1", "localhost.evil", ""):
        assert (await http(town.place, "GET", "/.well-known/host-meta", Host=name)).status == 404, name
    assert (await http(town.place, "GET", "/.well-known/host-meta", Host="LOCALHOST:1")).status == 200


@story("RFC 9110 §9, §15")
async def methods_and_paths_that_are_not_there(town):
    assert (await http(town.place, "GET", "/")).status == 404
    assert (await http(town.place, "GET", "/.well-known/host-meta/x")).status == 404
    wrong = await http(town.place, "POST", "/.well-known/host-meta")
    assert wrong.status == 405 and wrong.fields["allow"] == "GET, HEAD, OPTIONS", wrong
    head = await http(town.place, "HEAD", "/.well-known/host-meta")
    assert head.status == 200 and int(head.fields["content-length"]) > 100 and head.body == b""
    assert (await http(town.place, "BREW", "/.well-known/host-meta")).status == 405
    assert (await http(town.place, "GET", "/xmpp-websocket")).status == 426
    assert (await http(town.place, "GET", "/http-bind")).status == 405


@story("RFC 9112")
async def what_smuggles_requests_is_refused(town):
    for status, text in (
            (400, "GET / HTTP/1.1\r\n\r\n"), (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
            (400, "POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
            (400, "POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (400, "POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\n"),
            (501, "POST /http-bind HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
            (413, f"POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: {10**15}\r\n\r\n"),
            (431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + "a" * 20_000 + "\r\n\r\n"), (505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n")):
        connection = await Http(town.place).connect()
        await connection.sends(text)
        answer = await connection.answer()
        assert answer.status == status and answer.fields["connection"] == "close", (text[:80], answer)
        assert await connection.rest() == b"", "and the connection ends"


@story("docs/security.md §3", options={"timeouts.stanza_before_login": 1})
async def a_request_that_is_begun_and_not_ended_is_cut(town):
    connection = await Http(town.place).connect()
    await connection.sends("POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n<body")
    assert (await connection.answer()).status == 408
    silent = await Http(town.place).connect()
    assert await silent.rest() == b""


@story("docs/security.md §3", options={"limits.connections_per_address": 3})
async def connections_of_one_address_are_counted(town):
    for _ in range(3):  # what was closed counts no more
        connections = [await Http(town.place).connect() for _ in range(2)]
        for connection in connections:
            assert (await connection.asks("GET", "/")).status == 404
            connection.close()
        while (await http(town.place, "GET", "/")).status != 404:
            pass


run()
