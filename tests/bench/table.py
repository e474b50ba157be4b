"""Turns the figures of all runs into one Markdown table."""

import statistics
from collections import namedtuple

# A figure: its scenario, the field of valise-bench, decimals, whether less is better.
Row = namedtuple("Row", "title scenario field decimals less")
ROWS = [
    Row("log-in, CPU ms", "login", "server_cpu_ms_per_login", 2, True),
    Row("idle session, KiB, at {sessions}", "idle", "kib_per_session", 1, True),
    Row("idle session, KiB, at 5,000", "idle", "kib_per_session_5000", 1, True),
    Row("idle session, KiB, at 1,000", "idle", "kib_per_session_1000", 1, True),
    Row("fresh server, MiB RSS", "idle", "rss_empty_mib", 1, True),
    Row("chat flat out, CPU µs a message", "chat-flat", "server_cpu_us_per_message", 1, True),
    Row("chat flat out, messages/s", "chat-flat", "per_second", 0, False),
    Row("chat 500/s, CPU µs a message", "chat-rate", "server_cpu_us_per_message", 0, True),
    Row("chat 500/s, p50 ms", "chat-rate", "p50_ms", 2, True),
    Row("chat 500/s, p99 ms", "chat-rate", "p99_ms", 2, True),
    Row("all drop and return, CPU ms each", "reconnect", "server_cpu_ms_per_return", 2, True),
    Row("all drop and return, s", "reconnect", "seconds", 2, True),
    Row("the same with TLS resumption, CPU ms each", "reconnect-resume", "server_cpu_ms_per_return", 2, True),
    Row("the same with TLS resumption, s", "reconnect-resume", "seconds", 2, True),
    Row("… of so many resumed", "reconnect-resume", "tls_resumed", 0, False),
    Row("the same with a token (XEP-0484), CPU ms each", "reconnect-fast", "server_cpu_ms_per_return", 2, True),
    Row("the same with a token and resumption (XEP-0198), CPU ms each", "reconnect-sm", "server_cpu_ms_per_return", 2, True),
    Row("… and with TLS resumption, too, CPU ms each", "reconnect-sm-tls", "server_cpu_ms_per_return", 2, True),
    Row("detached session (XEP-0198), KiB", "detached", "kib_per_detached", 1, True),
    Row("chat with acks (XEP-0198), CPU µs a message", "acks", "server_cpu_us_per_message", 1, True),
    Row("chat with acks, messages/s", "acks", "per_second", 0, False),
    Row("carbons (3 copies), CPU µs a message", "carbons", "server_cpu_us_per_message", 1, True),
    Row("carbons, messages/s", "carbons", "per_second", 0, False),
    Row("offline: stored, CPU µs a message", "offline", "server_cpu_us_per_stored_message", 1, True),
    Row("offline: stored, messages/s", "offline", "per_second", 0, False),
    Row("offline: fetched, CPU µs a message", "offline", "fetch_cpu_us_per_message", 1, True),
    Row("archived chat flat out, 100,000 stored, CPU µs a message", "archive-flat", "server_cpu_us_per_message", 1, True),
    Row("archived chat flat out, 100,000 stored, messages/s", "archive-flat", "per_second", 0, False),
    Row("archived chat 50/s, p50 ms", "archive-rate", "p50_ms", 2, True),
    Row("archived chat 50/s, p99 ms", "archive-rate", "p99_ms", 2, True),
    Row("archived chat flat out, a million stored, CPU µs a message", "archive-flat-1m", "server_cpu_us_per_message", 1, True),
    Row("archived chat flat out, a million stored, messages/s", "archive-flat-1m", "per_second", 0, False),
    Row("page of 50 of an archive of a million, p50 ms", "archive-page", "page_p50_ms", 2, True),
    Row("page of 50 of an archive of a million, p99 ms", "archive-page", "page_p99_ms", 2, True),
    Row("… with one contact, p50 ms", "archive-page", "page_with_p50_ms", 2, True),
    Row("… with one contact, p99 ms", "archive-page", "page_with_p99_ms", 2, True),
    Row("page of 50 of an archive of a million, CPU ms", "archive-page", "page_cpu_ms", 2, True),
    Row("… with one contact, CPU ms", "archive-page", "page_with_cpu_ms", 2, True),
    Row("archived on MariaDB, 100,000 stored, CPU µs a message", "mariadb-flat", "server_cpu_us_per_message", 1, True),
    Row("archived on MariaDB, 100,000 stored, messages/s", "mariadb-flat", "per_second", 0, False),
    Row("archived on MariaDB, a million stored, CPU µs a message", "mariadb-flat-1m", "server_cpu_us_per_message", 1, True),
    Row("archived on MariaDB, a million stored, messages/s", "mariadb-flat-1m", "per_second", 0, False),
    Row("page on MariaDB, p50 ms", "mariadb-page", "page_p50_ms", 2, True),
    Row("page on MariaDB, p99 ms", "mariadb-page", "page_p99_ms", 2, True),
    Row("page on MariaDB with one contact, p50 ms", "mariadb-page", "page_with_p50_ms", 2, True),
    Row("page on MariaDB with one contact, p99 ms", "mariadb-page", "page_with_p99_ms", 2, True),
    Row("page on MariaDB, CPU ms", "mariadb-page", "page_cpu_ms", 2, True),
    Row("page on MariaDB with one contact, CPU ms", "mariadb-page", "page_with_cpu_ms", 2, True),
    Row("presence to 100 contacts, CPU µs a delivery", "presence", "server_cpu_us_per_delivery", 1, True),
    Row("presence, deliveries/s", "presence", "per_second", 0, False),
    Row("log-in with 10 contacts, roster, presence, CPU ms", "rosters", "server_cpu_ms_per_login_10", 2, True),
    Row("log-in with 100 contacts, CPU ms", "rosters", "server_cpu_ms_per_login_100", 2, True),
    Row("log-in with 1,000 contacts, CPU ms", "rosters", "server_cpu_ms_per_login_1000", 2, True),
    Row("a contact, 10 to 100, CPU µs", "rosters", "server_cpu_us_per_contact_100", 2, True),
    Row("a contact, 10 to 1,000, CPU µs", "rosters", "server_cpu_us_per_contact_1000", 2, True),
    Row("… the second ÷ the first (1: flat)", "rosters", "contact_growth", 2, True),
    Row("a seal of 3 keys checked, CPU µs", "seal", "us_3_keys", 2, True),
    Row("a seal of 100 keys checked, CPU µs", "seal", "us_100_keys", 2, True),
    Row("blocks of memory that checking 3, 100 and 1,000 keys takes", "seal", "blocks", 0, True),
    Row("a message through 100 native rules, CPU µs", "policy", "us_100_rules", 2, True),
    Row("… through the dearest 100, CPU µs", "policy", "us_100_dearest", 2, True),
    Row("a Lua function as matcher, CPU µs", "policy", "us_function", 2, True),
    Row("10,000 accounts in a set ÷ 10", "policy", "set_growth", 2, True),
    Row("10,000 patterns ÷ 10", "policy", "pattern_growth", 2, True),
    Row("replay of a million records, s", "replay", "seconds", 1, True),
]

# The ratio columns: whose figure, against whose. Above 1 the first is better.
RATIOS = [("valise-bare", "prosody"), ("valise-bare", "ejabberd"), ("valise", "prosody"), ("valise", "ejabberd"),
          ("valise-bare", "relay")]
SHORT = {"valise-bare": "bare", "valise": "shipped", "prosody": "Prosody", "ejabberd": "ejabberd", "relay": "relay"}

# What must hold: (scenario, field) → a server and a bound for its figure, or a pair of servers and the least ratio.
MUST = {
    ("login", "server_cpu_ms_per_login"): [("valise", 1.0)],
    ("idle", "kib_per_session"): [("valise", 24)],
    ("idle", "rss_empty_mib"): [("valise", 30)],
    ("chat-flat", "server_cpu_us_per_message"): [("valise-bare", 30), ("valise", 45),
                                                 (("valise-bare", "ejabberd"), 4), (("valise-bare", "prosody"), 12)],
    ("chat-flat", "per_second"): [("valise-bare", 35000), ("valise", 22000)],
    ("chat-rate", "server_cpu_us_per_message"): [("valise-bare", 130), ("valise", 220)],
    ("chat-rate", "p99_ms"): [("valise-bare", 3), ("valise", 5)],
    ("reconnect", "server_cpu_ms_per_return"): [("valise", 1.2)],
    ("reconnect", "seconds"): [("valise", 1.6)],
    ("reconnect-fast", "server_cpu_ms_per_return"): [("valise", 0.7)],
    ("reconnect-sm", "server_cpu_ms_per_return"): [("valise", 0.7)],
    ("carbons", "server_cpu_us_per_message"): [("valise-bare", 60)],
    ("acks", "server_cpu_us_per_message"): [("valise-bare", 40)],
    ("detached", "kib_per_detached"): [("valise", 4)],
    ("archive-flat", "server_cpu_us_per_message"): [("valise", 110)],
    ("archive-flat", "per_second"): [("valise", 10000)],
    ("archive-rate", "p99_ms"): [("valise", 12)],
    ("archive-flat-1m", "per_second"): [("valise", 6000)],
    ("archive-page", "page_p99_ms"): [("valise", 5)],
    ("archive-page", "page_with_p99_ms"): [("valise", 5)],
    ("mariadb-flat", "per_second"): [("valise", 5000)],
    ("mariadb-flat-1m", "per_second"): [("valise", 5000)],
    ("mariadb-page", "page_p99_ms"): [("valise", 5)],
    ("mariadb-page", "page_with_p99_ms"): [("valise", 5)],
    ("presence", "server_cpu_us_per_delivery"): [("valise-bare", 18), ("valise", 18)],
    ("rosters", "contact_growth"): [("valise", 1.5)],
    ("seal", "us_3_keys"): [("valise", 3)],
    ("seal", "us_100_keys"): [("valise", 25)],
    ("seal", "blocks"): [("valise", 0)],
    ("policy", "us_100_rules"): [("valise", 2)],
    ("policy", "us_100_dearest"): [("valise", 2)],
    ("policy", "us_function"): [("valise", 1.5)],
    ("policy", "set_growth"): [("valise", 2)],
    ("policy", "pattern_growth"): [("valise", 2)],
    ("replay", "seconds"): [("valise", 30)],
}


def number(value, decimals):
    return f"{value:,.{decimals}f}"


def one_line(figures):
    """The figures that matter of one run, for the progress."""
    if figures["result"] != "ok":
        return "FAILED: " + str(figures.get("failure") or
                                {k: figures[k] for k in ("lost", "unacknowledged", "doubled", "reordered", "refused", "foreign") if figures.get(k)})
    if "not_offered" in figures:
        return f"has no {figures['not_offered']}"
    wanted = [row.field for row in ROWS] + ["generator_cores", "others_cores"]
    parts = [f"{field} {figures[field]:.4g}" for field in dict.fromkeys(wanted) if field in figures]
    return ", ".join(parts) + (" (the rate is the generator's)" if "warning" in figures else "")


def good_values(results, server, row):
    runs = results.get(server, {}).get(row.scenario, [])
    return [f[row.field] for f in runs if f["result"] == "ok" and row.field in f]


def middle(results, server, row):
    values = good_values(results, server, row)
    return statistics.median(values) if values else None


def cell(results, server, row):
    runs = results.get(server, {}).get(row.scenario, [])
    values = good_values(results, server, row)
    if not values:
        return "failed" if any(f["result"] != "ok" for f in runs) else "–"
    text = number(statistics.median(values), row.decimals)
    if len(values) > 1:
        text += f" ({number(min(values), row.decimals)} … {number(max(values), row.decimals)})"
    if any("warning" in f for f in runs):
        text += " \\*"
    if len(values) < len(runs):
        text += f" †{len(runs) - len(values)}"
    return text


def ratio(results, first, second, row):
    ours, theirs = middle(results, first, row), middle(results, second, row)
    if not ours or not theirs:
        return None
    return theirs / ours if row.less else ours / theirs


def must(results, row):
    """The targets of a row, each with a mark: ✓ holds, ✗ does not, ? was not measured."""
    parts = []
    for who, bound in MUST.get((row.scenario, row.field), []):
        if isinstance(who, tuple):
            value, sign, unit = ratio(results, *who, row), "≥", "×"
            name = f"{SHORT[who[0]]} ÷ {SHORT[who[1]]}"
        else:
            value, sign, unit, name = middle(results, who, row), "≤" if row.less else "≥", "", SHORT[who]
        holds = "?" if value is None else "✓" if (value <= bound if sign == "≤" else value >= bound) else "✗"
        parts.append(f"{name} {sign} {bound:,}{unit} {holds}")
    return "; ".join(parts)


def row_of(results, columns, ratios, row, sessions):
    runs = max(len(results[key].get(row.scenario, [])) for key in columns)
    cells = [str(runs)] + [cell(results, key, row) for key in columns]
    for first, second in ratios:
        value = ratio(results, first, second, row)
        cells.append("–" if value is None else f"{value:.2f}×")
    title = row.title.format(sessions=f"{sessions:,}")
    return f"| {title} | " + " | ".join([*cells, must(results, row)]) + " |"


def loads(results, titles):
    """How much of the machine the generator and everybody else took, by server and scenario: the honesty lines."""
    lines = []
    for key, scenarios in results.items():
        parts = []
        for name, runs in scenarios.items():
            cores = [f["generator_cores"] for f in runs if "generator_cores" in f]
            others = [f["others_cores"] for f in runs if "others_cores" in f]
            if cores:
                parts.append(f"{name} {statistics.median(cores):.2f} / {statistics.median(others):.2f}")
        if parts:
            lines.append(f"- {titles[key]}: " + "; ".join(parts))
    return lines


def failures(results, titles):
    lines = []
    for key, scenarios in results.items():
        for name, runs in scenarios.items():
            for figures in runs:
                if figures["result"] != "ok":
                    lines.append(f"- {titles[key]}, {name}: {one_line(figures)}")
    return lines


def busy(results):
    """The most of the machine that others took during any measurement, in cores."""
    return max((f.get("others_cores", 0) for s in results.values() for runs in s.values() for f in runs), default=0)


def markdown(environment, titles, results):
    """The whole document. `titles`: key → column title, in the order of the columns."""
    columns = list(titles)
    ratios = [r for r in RATIOS if r[0] in columns and r[1] in columns]
    heads = [titles[c] for c in columns] + [f"{SHORT[a]} ÷ {SHORT[b]}" for a, b in ratios]
    sessions = environment["sessions"]
    present = [row for row in ROWS if any(good_values(results, key, row) for key in columns)
               and not (row.field == f"kib_per_session_{sessions}")]
    lines = ["# Benchmarks", "",
             f"{environment['date']}, {environment['cpu']}; clients and server share the machine; one run of "
             f"{environment['minutes']} minutes. TLS 1.3, P-256 certificate, STARTTLS, SCRAM-SHA-1; OMEMO-shaped messages "
             "of about 970 bytes, 50 pairs, window 4. CPU is the server's processes alone. Where a figure has several runs: "
             "median (minimum … maximum). Ratios are of this run's medians; above 1 the first named is better. "
             "In the rows of chat, carbons and offline messages archives are off for all, but where they say archived: there "
             "they are on for all, peers' empty at first. "
             "tests/bench/README.md says how to read this.", ""]
    if busy(results) > 0.5:
        lines += [f"**The machine was not quiet: others took up to {busy(results):.1f} cores while something was measured. "
                  "Latencies and rates of this run say little.**", ""]
    lines += ["| work | runs | " + " | ".join([*heads, "must"]) + " |", "|---|" + "---|" * (len(heads) + 2)]
    lines += [row_of(results, columns, ratios, row, sessions) for row in present]
    lines += ["", "✓ holds, ✗ does not, ? was not measured. \\* the generator used over 90 % of a core: the rate is its own, "
              "not the server's. †n: n runs failed and are not counted. –: not measured, or not offered by this server.", "",
              "Versions and limits lifted:"]
    for server in environment["servers"]:
        lifted = f"; {server['lifted']}" if server["lifted"] else ""
        lines.append(f"- {server['title']}: {server['version']}{lifted}")
    lines += ["", "Cores used by the generator / by everything else on the machine, median (much of the latter makes "
              "latencies and rates worthless, CPU figures less so):", *loads(results, titles)]
    broken = failures(results, titles)
    if broken:
        lines += ["", "Failures:", *broken]
    lines += ["", f"Descriptors: {environment['descriptors']}. Command: `{environment['command']}`", ""]
    return "\n".join(lines)
