"""Turns the figures of all runs into one Markdown table."""

import statistics

# (row, scenario, field of valise-bench, decimals, lower is better). A field of None is made of others below.
ROWS = [
    ("log-in, CPU ms", "login", "server_cpu_ms_per_login", 2, True),
    ("all drop and return, CPU ms each", "reconnect", "server_cpu_ms_per_return", 2, True),
    ("all drop and return, s", "reconnect", "seconds", 2, True),
    ("idle session, KiB", "idle", "kib_per_session", 1, True),
    ("idle session, KiB, at 1,000", "idle", "kib_per_session_1000", 1, True),
    ("idle session, KiB, at 5,000", "idle", "kib_per_session_5000", 1, True),
    ("fresh server, MiB RSS", "idle", "rss_empty_mib", 1, True),
    ("chat 500/s, CPU µs a message", "chat-rate", "server_cpu_us_per_message", 0, True),
    ("chat 500/s, p50 ms", "chat-rate", "p50_ms", 2, True),
    ("chat 500/s, p99 ms", "chat-rate", "p99_ms", 2, True),
    ("chat flat out, CPU µs a message", "chat-flat", "server_cpu_us_per_message", 1, True),
    ("chat flat out, messages/s", "chat-flat", "per_second", 0, False),
    ("carbons (3 copies), CPU µs a message", "carbons", "server_cpu_us_per_message", 1, True),
    ("carbons, messages/s", "carbons", "per_second", 0, False),
    ("offline: stored, CPU µs a message", "offline", "server_cpu_us_per_stored_message", 1, True),
    ("offline: stored, messages/s", "offline", "per_second", 0, False),
    ("offline: fetched, CPU µs a message", "offline", "fetch_cpu_us_per_message", 1, True),
    ("presence to 100 contacts, CPU µs a delivery", "presence", "server_cpu_us_per_delivery", 1, True),
    ("presence, deliveries/s", "presence", "per_second", 0, False),
]
# The ratio columns: (title, whose figure, against whose). Above 1 the first is better.
RATIOS = [
    ("bare ÷ Prosody", "valise-bare", "prosody"),
    ("bare ÷ ejabberd", "valise-bare", "ejabberd"),
    ("shipped ÷ ejabberd", "valise", "ejabberd"),
    ("bare ÷ relay", "valise-bare", "relay"),
]


def number(value, decimals):
    return f"{value:,.{decimals}f}"


def one_line(figures):
    """The figures that matter of one run, for the progress."""
    if figures["result"] != "ok":
        return "FAILED: " + str(figures.get("failure") or
                                {k: figures[k] for k in ("lost", "doubled", "reordered", "refused") if figures.get(k)})
    wanted = [field for _, _, field, _, _ in ROWS] + ["generator_cores", "others_cores"]
    parts = [f"{field} {figures[field]:.4g}" for field in dict.fromkeys(wanted) if field in figures]
    return ", ".join(parts) + (" (the rate is the generator's)" if "warning" in figures else "")


def good_values(results, server, scenario, field):
    runs = results.get(server, {}).get(scenario, [])
    return [f[field] for f in runs if f["result"] == "ok" and field in f]


def cell(results, server, scenario, field, decimals):
    runs = results.get(server, {}).get(scenario, [])
    if not runs:
        return "–"
    values = good_values(results, server, scenario, field)
    if not values:
        return "–" if any(f["result"] == "ok" for f in runs) else "failed"
    text = number(statistics.median(values), decimals)
    if len(values) > 1:
        text += f" ({number(min(values), decimals)} … {number(max(values), decimals)})"
    if any("warning" in f for f in runs):
        text += " \\*"
    if len(values) < len(runs):
        text += f" †{len(runs) - len(values)}"
    return text


def ratio(results, first, second, scenario, field, lower):
    ours, theirs = (good_values(results, s, scenario, field) for s in (first, second))
    if not ours or not theirs:
        return "–"
    ours, theirs = statistics.median(ours), statistics.median(theirs)
    if min(ours, theirs) <= 0:
        return "–"
    return f"{theirs / ours if lower else ours / theirs:.2f}×"


def row_of(results, columns, ratios, row):
    title, scenario, field, decimals, lower = row
    cells = [cell(results, key, scenario, field, decimals) for key in columns]
    cells += [ratio(results, first, second, scenario, field, lower) for _, first, second in ratios]
    return f"| {title} | " + " | ".join(cells) + " |"


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


def markdown(environment, titles, results):
    """The whole document. `titles`: key → column title, in the order of the columns."""
    columns = list(titles)
    ratios = [r for r in RATIOS if r[1] in columns and r[2] in columns]
    present = [row for row in ROWS if any(good_values(results, key, row[1], row[2]) for key in columns)]
    lines = ["# Benchmarks", "",
             f"{environment['date']}, {environment['cpu']}; clients and server share the machine. TLS 1.3, P-256 "
             "certificate, STARTTLS, SCRAM-SHA-1; OMEMO-shaped messages of about 970 bytes, 50 pairs, window 4. "
             "CPU is the server's processes alone. Median (minimum … maximum); in the ratios, above 1 the first named "
             "is better. tests/bench/README.md says how to read this.", "",
             "| work | " + " | ".join([titles[c] for c in columns] + [r[0] for r in ratios]) + " |",
             "|---|" + "---|" * (len(columns) + len(ratios))]
    lines += [row_of(results, columns, ratios, row) for row in present]
    lines += ["", "\\* the generator used over 90 % of a core: the rate is its own, not the server's. "
              "†n: n runs failed and are not counted. –: not measured.", "",
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
