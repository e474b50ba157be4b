"""The web page of an invitation (XEP-0401 §5.2, XEP-0379 §3.3): who is told of it, what it says and gives away."""

import base64
import hashlib
import re
import subprocess
import tempfile
from pathlib import Path

import _path  # noqa: F401
from harness import run, story
from harness.certificates import make_certificate
from harness.town import ServerDied, Town
from harness.web import http
from _commands import administrator
from _invitation_page import ANDROID, LINUX, PAGE, text_of, tree_of, visits
from _invitations import CREATE, ON, comes, invites, is_invited, token_of


def decoded(svg):
    """What a decoder reads from the code: its path, drawn as a picture, four pixels a module."""
    side = int(re.fullmatch(r"0 0 (\d+) \1", svg.get("viewbox") or svg.get("viewBox")).group(1))
    dark = svg.xpath(".//path[@fill='#000']/@d")[0]
    rows = [[255] * side for _ in range(side)]
    drawn = 0
    for x, y, width, back in re.findall(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z", dark):
        assert width == back
        rows[int(y)][int(x):int(x) + int(width)] = [0] * int(width)
        drawn += len(f"M{x} {y}h{width}v1h-{back}z")
    assert drawn == len(dark), "nothing else is in the path"
    pixels = b"".join(bytes(value for value in row for _ in range(4)) * 4 for row in rows)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "code.pgm"
        picture.write_bytes(b"P5 %d %d 255\n" % (4 * side, 4 * side) + pixels)
        done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sbinary", str(picture)], check=True, capture_output=True)
    return done.stdout.decode()


# ---- who is told of the page

@story("XEP-0401 §5.1, §5.4", options={**PAGE, "invitations.by_people": True})
async def whoever_makes_an_invitation_is_told_its_page(town):
    root, [alice] = await administrator(town), await town.devices("alice")
    by_ctl = await is_invited(town, "localhost")
    by_alice = await invites(alice)
    by_root = await invites(root, CREATE, username="", **{"roster__subscription": "true"})
    urls = [by_ctl["web"], by_alice["landing-url"], by_root["landing-url"]]
    for url, uri in zip(urls, [by_ctl["uri"], by_alice["uri"], by_root["uri"]]):
        assert url == f"https://localhost:{town.place.web_port}/invite/{token_of(uri)}", url
        assert (await visits(town, url)).status == 200, url
    text = await town.ctl("invite", "new", "localhost")
    uri, url = text.splitlines()[:2]
    assert url.endswith("/invite/" + token_of(uri)), text


@story("XEP-0401 §5.1: off by default", options=ON)
async def where_there_is_no_page_nobody_is_sent_to_one(town):
    [alice] = await town.devices("alice")
    made, by_ctl = await invites(alice), await is_invited(town, "localhost")
    assert "landing-url" not in made and "web" not in by_ctl, made
    answer = await http(town.place, "GET", "/invite/" + token_of(made["uri"]))
    assert answer.status == 404 and answer.fields["content-type"].startswith("text/plain"), answer


@story("invitation_page.url", options={**PAGE, "invitation_page.url": "https://join.example.org:8443"})
async def the_page_is_where_the_administrator_says(town):
    made = await is_invited(town, "localhost")
    assert made["web"] == "https://join.example.org:8443/invite/" + token_of(made["uri"]), made
    for name, status in (("join.example.org", 200), ("JOIN.example.org:8443", 200), ("localhost", 200),
                         ("example.org", 404), ("127.0.0.1", 404), ("", 404)):
        assert (await visits(town, made["web"], Host=name)).status == status, name


@story("http.url", options={**PAGE, "http.url": "https://chat.example.org"})
async def without_an_address_of_its_own_it_has_that_of_the_web(town):
    assert (await is_invited(town, "localhost"))["web"].startswith("https://chat.example.org/invite/")


@story("the configuration")
async def what_cannot_be_is_refused_at_the_start(_town):
    for line, options in (("there is no web listener; set listen.https or listen.http", {"listen.https": None}),
                          ("in lower case and without a path", {"invitation_page.url": "https://a.example/x"}),
                          ("in lower case and without a path", {"invitation_page.url": "http://a.example"}),
                          ("takes NAME; PLATFORMS; ADDRESS", {"invitation_page.clients": ["Dino; beos; https://dino.im"]})):
        town = Town({**PAGE, **options})
        try:
            await town.start()
        except ServerDied as died:
            assert line in str(died) and "valise.lua:" in str(died), died
        else:
            raise AssertionError(f"it starts with {options}")
        finally:
            await town.close()


@story("several hosts", options=PAGE, alone=True)
async def each_host_has_its_own_invitations_and_two_may_share_a_name(town):
    other = "ambassade.example"
    certificate, key = make_certificate(town.folder / "tls", other)
    town.options.update({f'host["{other}"].tls.certificate': certificate, f'host["{other}"].tls.key': key})
    town.write_config()
    await town.reload()
    here, there = [await is_invited(town, host) for host in ("localhost", other)]
    assert there["web"].startswith(f"https://{other}:{town.place.web_port}/invite/"), there
    for made, name, status in ((here, "localhost", 200), (there, other, 200), (here, other, 404), (there, "localhost", 404)):
        assert (await visits(town, made["web"], Host=name)).status == status, (made["host"], name)
    town.options["invitation_page.url"] = "https://join.example.org"
    town.write_config()
    await town.reload()
    for made in (here, there):
        answer = await visits(town, made["web"], Host="join.example.org")
        assert answer.status == 200 and tree_of(answer).find(".//h1").text_content() == f"An invitation to {made['host']}"
    assert (await visits(town, here["web"][:-1], Host="join.example.org")).status == 404
    await town.ctl("invite", "revoke", other, there["id"])
    assert (await visits(town, there["web"], Host="join.example.org")).status == 410


@story("reload", options={**PAGE, "invitation_page.enabled": False}, alone=True)
async def it_comes_and_goes_with_a_reload(town):
    made = await is_invited(town, "localhost")
    url = f"https://localhost:{town.place.web_port}/invite/" + token_of(made["uri"])
    for enabled, invitations, status in ((False, True, 404), (True, True, 200), (True, False, 404), (True, True, 200), (False, True, 404)):
        town.options.update({"invitation_page.enabled": enabled, "invitations.enabled": invitations})
        town.write_config()
        await town.reload()
        assert (await visits(town, url)).status == status, (enabled, invitations)


# ---- what it says

@story("XEP-0379 §3.3, XEP-0401 §5.2", options=PAGE)
async def it_says_who_invites_and_its_button_and_code_open_the_invitation(town):
    [alice] = await town.devices("alice")
    made = await is_invited(town, "localhost", "--inviter", alice.bare)
    answer = await visits(town, made["web"])
    assert answer.status == 200, answer
    page = tree_of(answer)
    assert page.findtext(".//h1") is not None
    assert page.find(".//h1").text_content() == f"{alice.bare} invites you to chat"
    [button] = page.find_class("button")
    assert button.get("href") == made["uri"] and button.text_content() == "Accept the invitation"
    [code] = page.iter("svg")
    assert decoded(code) == made["uri"], decoded(code)
    assert page.find(".//code").text == made["uri"]
    assert page.find(".//time").get("datetime") == made["expires"], made["expires"]
    text = text_of(answer)
    assert f"Your address will be name@localhost" in text and f"{alice.bare} is in your contact list" in text, text
    assert "localhost carries encrypted messages only" in text, text


@story("XEP-0401 §5.2", options=PAGE)
async def each_invitation_says_what_it_is_for(town):
    [alice] = await town.devices("alice")
    named = text_of(await visits(town, (await is_invited(town, "lady@localhost"))["web"]))
    assert "An invitation to localhost" in named and "Your address is lady@localhost." in named, named
    assert "contact list" not in named and "name@" not in named, named
    contact = text_of(await visits(town, (await invites(alice))["landing-url"]))
    assert f"Confirm that you want {alice.bare} as a contact" in contact and "XMPP account" in contact, contact
    assert "password" not in contact and "makes the account" not in contact, contact


@story("sealed.mode = off", options={**PAGE, "sealed.mode": "off"})
async def where_nothing_need_be_sealed_the_page_does_not_say_so(town):
    assert "OMEMO" not in text_of(await visits(town, (await is_invited(town, "localhost"))["web"]))


@story("RFC 9110 §12.5.4", options=PAGE)
async def it_speaks_french_and_english(town):
    url = (await is_invited(town, "localhost"))["web"]
    for language, query, spoken in (("fr-FR,fr;q=0.9,en;q=0.5", "", "fr"), ("en-GB,en;q=0.9,fr;q=0.5", "", "en"), ("de", "", "en"),
                                    (None, "", "en"), ("fr", "?lang=en", "en"), ("en", "?lang=fr", "fr"), ("fr", "?lang=de", "fr")):
        answer = await visits(town, url + query, language=language)
        page = tree_of(answer)
        assert page.get("lang") == spoken == answer.fields["content-language"], (language, query)
        assert page.find(".//h1").text_content() == {"fr": "Une invitation pour localhost", "en": "An invitation to localhost"}[spoken]
        [other] = page.xpath("//header//a")
        assert (other.get("href"), other.get("lang")) == {"fr": ("?lang=en", "en"), "en": ("?lang=fr", "fr")}[spoken]
        missing = await visits(town, url[:-1] + query, language=language)
        assert missing.status == 404 and tree_of(missing).get("lang") == spoken


@story("default_language = fr", options={**PAGE, "default_language": "fr"})
async def whoever_names_neither_reads_the_language_of_the_host(town):
    assert tree_of(await visits(town, (await is_invited(town, "localhost"))["web"], language="de")).get("lang") == "fr"


@story("XEP-0401 §5.2: a recommendation by browser", options=PAGE)
async def it_names_clients_for_the_visitors_device_first(town):
    url = (await is_invited(town, "localhost"))["web"]
    for agent, device, names in ((ANDROID, "Android", ["Conversations"]), (LINUX, "Linux", ["Dino", "Gajim", "Profanity"]),
                                 (None, None, [])):
        page = tree_of(await visits(town, url, User_Agent=agent))
        [first] = page.find_class("first") or [page]
        assert [link.text for link in first.xpath(".//ul[contains(@class,'first')]//a | self::ul//a")] == names, (agent, names)
        headings = [heading.text_content() for heading in page.iter("h3")]
        assert headings == ([f"For this device ({device})", "For other devices"] if device else ["For your devices"]), headings
        everywhere = [link.text for link in page.xpath("//ul//a")]
        assert sorted(everywhere) == ["Conversations", "Converse.js", "Dino", "Gajim", "Monal", "Profanity"], everywhere
        for link in page.xpath("//ul//a"):
            assert link.get("rel") == "noreferrer noopener" and link.get("href").startswith("https://"), link.get("href")
    assert "Conversations" == page.xpath("//ul//a")[0].text, "who makes the account stands first"


@story("invitation_page.clients", options={**PAGE, "invitation_page.clients": ["Chez nous; linux, web; https://apps.example.org/?a&b"]})
async def the_list_is_the_administrators(town):
    page = tree_of(await visits(town, (await is_invited(town, "localhost"))["web"], User_Agent=LINUX))
    assert [(link.text, link.get("href")) for link in page.xpath("//ul//a")] == [("Chez nous", "https://apps.example.org/?a&b")]


def contrast(one, other):
    """WCAG 2.2, 1.4.3."""
    def luminance(color):
        color = color if len(color) == 7 else "#" + "".join(2 * digit for digit in color[1:])
        parts = [int(color[i:i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@story("accessibility (WCAG 2.2, RGAA)", options=PAGE)
async def whoever_reads_otherwise_reads_the_same(town):
    [alice] = await town.devices("alice")
    url = (await is_invited(town, "localhost", "--inviter", alice.bare))["web"]
    for answer in (await visits(town, url, User_Agent=LINUX, language="fr"), await visits(town, url[:-1])):
        page = tree_of(answer)
        assert page.get("lang") and page.findtext(".//title").strip(), "a language and a title"
        levels = [int(one.tag[1]) for one in page.iter("h1", "h2", "h3", "h4")]
        assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels
        assert len(page.xpath("//main")) == 1
        identities = page.xpath("//@id")
        assert len(identities) == len(set(identities))
        assert all(label in identities for label in page.xpath("//@aria-labelledby"))
        assert all(link.text_content().strip() for link in page.iter("a")), "each link has words"
        assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in page.iter("svg")), "the code has words, too"
        assert "width=device-width" in page.xpath("//meta[@name='viewport']/@content")[0]
        style = page.findtext(".//style")
        schemes = [dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", part)) for part in re.findall(r":root\{(.*?)\}", style)]
        assert len(schemes) == 2, "by day and by night"
        for colors in schemes:
            for text, behind in (("ink", "paper"), ("ink", "card"), ("ink", "tint"), ("soft", "paper"), ("soft", "card"), ("soft", "tint"),
                                 ("link", "paper"), ("link", "card"), ("link", "tint"), ("on-deep", "deep")):
                assert contrast(colors[text], colors[behind]) >= 4.5, (text, behind, contrast(colors[text], colors[behind]))


# ---- nobody else learns of it

@story("docs/security.md: a page that gives nothing away", options=PAGE)
async def nothing_of_other_sites_and_no_script(town):
    url = (await is_invited(town, "localhost"))["web"]
    for answer in (await visits(town, url), await visits(town, url[:-1]), await visits(town, url + "x" * 5000)):
        policy = dict(part.strip().split(" ", 1) for part in answer.fields["content-security-policy"].split(";"))
        page = tree_of(answer)
        digest = base64.b64encode(hashlib.sha256(page.findtext(".//style").encode()).digest()).decode()
        assert policy == {"default-src": "'none'", "style-src": f"'sha256-{digest}'", "base-uri": "'none'", "form-action": "'none'",
                          "frame-ancestors": "'none'"}, policy
        assert answer.fields["cache-control"] == "no-store" and answer.fields["referrer-policy"] == "no-referrer"
        assert answer.fields["x-content-type-options"] == "nosniff" and answer.fields["x-frame-options"] == "DENY"
        assert "noindex" in answer.fields["x-robots-tag"] and "set-cookie" not in answer.fields
        assert "access-control-allow-origin" not in answer.fields
        assert not page.xpath("//script | //img | //link | //iframe | //form | //object | //@src | //@style")
        assert not [key for one in page.iter() if isinstance(one.tag, str) for key in one.keys() if key.startswith("on")]


@story("RFC 9110 §9", options=PAGE)
async def it_is_read_and_nothing_else(town):
    url = (await is_invited(town, "localhost"))["web"]
    whole = await visits(town, url)
    head = await visits(town, url, "HEAD")
    assert head.status == 200 and head.body == b"", head
    assert {**head.fields, "date": None} == {**whole.fields, "date": None} and int(head.fields["content-length"]) == len(whole.body)
    assert (await visits(town, url[:-1], "HEAD")).status == 404
    for method in ("POST", "PUT", "DELETE", "BREW"):
        answer = await visits(town, url, method)
        assert answer.status == 405 and answer.fields["allow"] == "GET, HEAD, OPTIONS", answer


@story("docs/security.md §5: no token in a log", options={**PAGE, "log.level": "debug"})
async def the_server_writes_no_token(town):
    [alice] = await town.devices("alice")
    made = await is_invited(town, "localhost", "--inviter", alice.bare)
    token = token_of(made["uri"])
    wrong = "a" * 31 + "b"
    for url in (made["web"], made["web"].replace(token, wrong), made["web"] + "/x", made["web"] + "?lang=fr"):
        await visits(town, url)
    await comes(town, token, "nobody")
    await visits(town, made["web"])
    written = town.stored_bytes()
    assert token.encode() not in written and wrong.encode() not in written


run()
