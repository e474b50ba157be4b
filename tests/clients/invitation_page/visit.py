"""The page of an invitation in Chromium, on a phone and at a desk, in French and English, by day and by night.

A decoder reads the code from the picture of the screen, and with the address that it reads a slixmpp client makes the
account. VALISE_SCREENSHOTS names a folder that keeps the pictures.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))

from browser import WAIT_SECONDS, Browser  # noqa: E402
from harness import Town  # noqa: E402

VENV = Path(os.environ.get("VALISE_VENV", HERE.parent.parent.parent / "build" / "venv"))
ANDROID = "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"
DEVICES = {
    "phone-fr": {"width": 390, "height": 844, "language": "fr-FR", "user_agent": ANDROID, "mobile": True, "scale": 2},
    "phone-small-night-en": {"width": 320, "height": 568, "language": "en-GB", "user_agent": IPHONE, "mobile": True, "scheme": "dark", "scale": 2},
    "desk-en": {"width": 1280, "height": 900, "language": "en-GB"},
    "desk-night-fr": {"width": 1280, "height": 900, "language": "fr-FR", "scheme": "dark"},
}


def same(got, expected, what):
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}")
    print(f"ok   {what}", flush=True)


def decoded(picture):
    done = subprocess.run(["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", str(picture)], check=True, capture_output=True)
    return done.stdout.decode().rstrip("\n")


async def looks(browser, name, device, made, inviter, pictures):
    """One device at the page; returns the address that its code holds."""
    await browser.becomes(**device)
    happened = await browser.visits(made["web"])
    language = device["language"][:2]
    same((happened["status"], happened["requests"], happened["complaints"]), (200, [made["web"]], []),
         f"{name}: the page, no other request, no complaint of the browser")
    same(await browser.evaluates("document.documentElement.lang"), language, f"{name}: its language")
    same(await browser.evaluates("document.documentElement.scrollWidth <= innerWidth"), True, f"{name}: nothing is wider than the screen")
    small = ("[...document.querySelectorAll('a')].map(link => [link.textContent, link.getBoundingClientRect()])"
             ".filter(([_, box]) => box.height < 24 || box.width < 24).map(([text]) => text)")
    same(await browser.evaluates(small), [], f"{name}: every link is large enough for a finger (WCAG 2.2, 2.5.8)")
    same(await browser.evaluates("document.querySelector('.button').href"), made["uri"], f"{name}: the button")
    heard = await browser.reads_aloud()
    words = {"fr": ("vous invite à discuter", "Accepter l’invitation"), "en": ("invites you to chat", "Accept the invitation")}[language]
    headings = [text for role, text in heard if role == "heading"]
    same(headings[0], f"{inviter} {words[0]}", f"{name}: a screen reader says who invites")
    same([text for role, text in heard if role == "link" and text == words[1]], [words[1]], f"{name}: … and what the button does")
    same(len([text for role, text in heard if role == "image" and "QR" in text]), 1, f"{name}: … and that there is a code")
    picture = pictures / f"{name}.png"
    await browser.photographs(picture)
    code = decoded(picture)
    same(code, made["uri"], f"{name}: a decoder reads the code on the screen")
    return code


async def main():
    town = Town({"invitations.enabled": True, "invitation_page.enabled": True}, name="page")
    browser = Browser("localhost", town.place.address)
    with tempfile.TemporaryDirectory(prefix="valise-page-") as folder:
        pictures = Path(os.environ.get("VALISE_SCREENSHOTS", folder))
        try:
            await town.start()
            await browser.opens()
            alice = await town.account("alice")
            made = await town.ctl_json("invite", "new", "localhost", "--inviter", alice.bare)
            codes = {await looks(browser, name, device, made, alice.bare, pictures) for name, device in DEVICES.items()}
            # Back from French: the link to switch is followed, by hand.
            await browser.evaluates("document.querySelector('header a').click()")
            same(((await browser.loads())["status"], await browser.evaluates("document.documentElement.lang")), (200, "en"),
                 "the other language is one step away")
            process = await asyncio.create_subprocess_exec(
                str(VENV / "bin" / "python3"), str(HERE / "comes.py"), codes.pop(), "nurse", town.place.address,
                str(town.place.port), town.place.ca)
            same(await asyncio.wait_for(process.wait(), WAIT_SECONDS), 0, "slixmpp makes the account with what the code says, and logs in")
            same([one["jid"] for one in await town.ctl_json("user", "list") if one["jid"] == "nurse@localhost"], ["nurse@localhost"],
                 "the account is there")
            for name, device, title in (("gone-fr", DEVICES["phone-fr"], "Cette invitation n’est plus valable"),
                                        ("gone-en", DEVICES["desk-en"], "This invitation is not good any more")):
                await browser.becomes(**device)
                happened = await browser.visits(made["web"])
                same(happened["status"], 410, f"{name}: its page is gone")
                same(await browser.evaluates("document.querySelector('h1').textContent"), title, f"{name}: and says so")
                await browser.photographs(pictures / f"{name}.png")
        finally:
            browser.close()
            await town.close()


asyncio.run(main())
