"""What stories about the page of an invitation share."""

import lxml.html
from harness.web import http
from _invitations import ON

PAGE = {**ON, "invitation_page.enabled": True}
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANDROID = "Mozilla/5.0 (Linux; Android 15; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"


def path_of(url):
    return "/" + url.split("/", 3)[3]


async def visits(town, url, method="GET", language="en", **fields):
    """The answer to somebody who opens the link."""
    return await http(town.place, method, path_of(url), Accept_Language=language, **fields)


def tree_of(answer):
    assert answer.fields["content-type"] == "text/html; charset=utf-8", answer
    return lxml.html.fromstring(answer.body.decode())


def text_of(answer):
    return " ".join(tree_of(answer).text_content().split())
