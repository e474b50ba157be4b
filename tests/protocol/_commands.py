"""What stories about commands (XEP-0050) share: an administrator, requests, forms."""

from html import escape

from harness import NS
from harness.device import Account

COMMANDS = "http://jabber.org/protocol/commands"
ADMIN = "http://jabber.org/protocol/admin"
DISCO_INFO = "http://jabber.org/protocol/disco#info"
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"
COMMAND = "{" + COMMANDS + "}"
DATA = "{jabber:x:data}"
ROOT = {"commands.administrators": ["root@localhost"]}


async def administrator(town, name="root", lang="en"):
    """A device of that account, which the town makes once."""
    account = Account(town, name, f"sesame {name}")
    await town.ctl_result("user", "add", account.bare, stdin=account.password + "\n")
    return await account.device(lang=lang)


def command(node, identity=None, what=None, payload="", lang=None):
    attributes = "".join(f" {key}='{value}'" for key, value in
                         (("sessionid", identity), ("action", what), ("xml:lang", lang)) if value is not None)
    return f"<command xmlns='{COMMANDS}' node='{node}'{attributes}>{payload}</command>"


def form(kind="submit", form_type=ADMIN, **fields):
    """A submission: field = a value or a list of them; '_' in a name is '-' for password_verify and the like."""
    inner = f"<field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>" if form_type else ""
    for name, values in fields.items():
        values = values if isinstance(values, list) else [values]
        inner += f"<field var='{name.replace('__', '-')}'>" + "".join(f"<value>{escape(v)}</value>" for v in values) + "</field>"
    return f"<x xmlns='jabber:x:data' type='{kind}'>{inner}</x>"


async def executes(device, name, node=None):
    """Begins a command; returns the <command/> of the answer."""
    return (await device.sets(command(node or f"{ADMIN}#{name}"), "localhost"))[0]


async def submits(device, name, node=None, form_type=ADMIN, **fields):
    """Begins a command with one form and fills it in; returns the answer, result or error."""
    running = await executes(device, name, node)
    payload = form(form_type=form_type, **fields)
    return await device.tries(command(running.get("node"), running.get("sessionid"), "complete", payload), "set", "localhost")


async def items_of(device):
    answer = await device.asks(f"<query xmlns='{DISCO_ITEMS}' node='{COMMANDS}'/>", to="localhost")
    return [item.get("node") for item in answer.iter(NS.DISCO_ITEMS + "item")]


def status_of(answer):
    return answer.get("status")


def action(answer):
    """(what execute means, the allowed actions)"""
    actions = answer.find(COMMAND + "actions")
    return actions.get("execute"), [child.tag.removeprefix(COMMAND) for child in actions]


def fields_of(answer):
    """name -> values, of the form in an answer."""
    return {field.get("var"): [value.text or "" for value in field.findall(DATA + "value")]
            for field in answer.iter(DATA + "field") if field.get("var")}


def note_of(answer):
    note = answer.find(f".//{COMMAND}note")
    return (note.get("type"), note.text) if note is not None else None


def condition_of(refused):
    """The condition of XEP-0050 in an error."""
    return next((child.tag.removeprefix(COMMAND) for child in refused.find(NS.CLIENT + "error") if child.tag.startswith(COMMAND)), None)
