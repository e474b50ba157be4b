"""What stories about invitations share: making them, showing them, coming by them."""

import re

from harness.device import Account
from harness.stream import _is_answer, show
from _commands import ROOT, command, executes, fields_of, form, status_of

INVITE = "urn:xmpp:invite#invite"
CREATE = "urn:xmpp:invite#create-account"
ON = {**ROOT, "invitations.enabled": True, "limits.registrations_per_hour": 1}


def token_of(uri):
    return re.search(r"preauth=([a-z2-7]{32})(;|$)", uri).group(1)


async def tries(stream, payload, identity, kind="set"):
    await stream.sends(f"<iq type='{kind}' id='{identity}' to='localhost'>{payload}</iq>")
    return await stream.wait_for(lambda event: _is_answer(event, identity), "an answer before log-in")


async def shows(stream, token):
    return await tries(stream, f"<preauth xmlns='urn:xmpp:pars:0' token='{token}'/>", "pa1")


async def registers(stream, name, password="Calliope"):
    payload = f"<query xmlns='jabber:iq:register'><username>{name}</username><password>{password}</password></query>"
    return await tries(stream, payload, "r1")


async def comes(town, token, name):
    """Somebody makes an account with the token; returns it."""
    stream = await town.stream().reaches_tls()
    answer = await shows(stream, token)
    assert answer.get("type") == "result" and len(answer) == 0, show(answer)
    answer = await registers(stream, name)
    assert answer.get("type") == "result", show(answer)
    return Account(town, name, "Calliope")


async def is_invited(town, *arguments):
    """Of valisectl invite new."""
    return await town.ctl_json("invite", "new", *arguments)


async def invites(device, node=INVITE, **fields):
    """The fields of the result of that command."""
    answer = await executes(device, None, node)
    if node == CREATE:
        payload = form(form_type=None, **fields)
        answer = (await device.sets(command(node, answer.get("sessionid"), None, payload), "localhost"))[0]
    assert status_of(answer) == "completed", show(answer)
    return {name: values[0] for name, values in fields_of(answer).items()}
