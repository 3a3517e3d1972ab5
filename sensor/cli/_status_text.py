"""Output of ``sensor status`` and ``sensor top`` for a running sensor. The status comes from another process: every
text is cleaned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from sensor.cli._colors import STATE_STYLES, STYLES, coloured, paint
from sensor.cli._show import number, part, tidy
from sensor.cli._times import age
from sensor.core.phrases import counted
from sensor.core.severities import SEVERITIES

Status = dict[str, Any]
# A line of text and its style.
Line = tuple[str, str]
Part = tuple[str, list[Line]]

TYPES_SHOWN, TEXTS_SHOWN = 8, 3
# An engine without a new status for this long is hung, and no longer healthy.
SILENT_S = 10.0
SEVERE = ("medium", "high", "critical")
MOST = 1e18
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
WIDTH = 10


def screen(status: Status, out: TextIO, now: float) -> str:
    """The complete status on one screen."""
    return page(headline(status, now), parts(status, now), out)


def page(first: str, parts: Iterable[Part], out: TextIO) -> str:
    """A first line, and parts with their names on the left."""
    colours, lines = coloured(out), [first]
    for name, several in parts:
        for place, (text, style) in enumerate(several):
            head = paint(f"{'' if place else name:{WIDTH}}", "bold", colours)
            lines.append(f"{head} {paint(text, style, colours)}")
    return "\n".join(lines)


def headline(status: Status, now: float) -> str:
    """The sensor and its uptime."""
    who = part(status, "sensor")
    site = f" ({tidy(who.get('site'))})" if who.get("site") else ""
    process = f", process {number(part(status, 'process').get('pid'))}"
    return (
        f"sensor {tidy(who.get('id'))}{site}, version {tidy(who.get('version'))}, runs for "
        f"{age(now - decimal(status.get('began')))}{process}"
    )


def parts(status: Status, now: float) -> Iterator[Part]:
    """The parts of the screen, in order."""
    yield "traffic", list(_traffic(status))
    yield "devices", [(devices(part(status, "devices")), "")]
    yield "alerts", [(alerts(part(status, "alerts")), "")]
    yield "log", list(_log(part(status, "log"), now))
    if lost := list(_unwritten(status)):
        yield "dropped", lost
    if outputs := part(status, "outputs"):
        yield (
            "outputs",
            [output(name, outputs[name] if isinstance(outputs[name], dict) else {}, now) for name in outputs],
        )
    yield "lists", list(_lists(part(status, "intel"), now))
    yield "rules", list(_rules(part(status, "rules")))
    if problems := list(_configuration(part(status, "configuration"))):
        yield "config", problems
    if room := made_room(part(status, "evicted")):
        yield "tables", [(room, "")]
    yield "health", list(health(status, now))
    yield (
        "process",
        [
            (
                process(
                    part(status, "process"), decimal(status.get("uptime_s")), part(status, "traffic").get("ring_bytes")
                ),
                "",
            )
        ],
    )


def _traffic(status: Status) -> Iterator[Line]:
    traffic, flows = part(status, "traffic"), part(status, "flows")
    dropped, shed = number(traffic.get("dropped")), number(traffic.get("shed"))
    text = (
        f"{number(traffic.get('packets')):,} packets, {size(traffic.get('wire_bytes'))}, "
        f"{number(flows.get('open')):,} flows open"
    )
    lost = [f"{dropped:,} dropped before analysis"] * bool(dropped) + [f"{shed:,} messages shed"] * bool(shed)
    yield text, ""
    if lost:
        yield ", ".join(lost), "yellow"
    yield from interfaces(part(status, "interfaces"))
    for damage in texts(traffic.get("damages")):
        yield damage, "yellow"


def interfaces(capture: Mapping[str, Any]) -> Iterator[Line]:
    """Each interface with its counts and losses."""
    for name, one in capture.items():
        counts = one if isinstance(one, dict) else {}
        dropped, returns = number(counts.get("dropped")), number(counts.get("returns"))
        again = f", disappeared and returned {several(returns, 'time')}" if returns else ""
        yield (
            f"{tidy(name):12} {number(counts.get('packets')):>15,} packets, {dropped:,} lost{again}",
            "yellow" if dropped else "",
        )


def devices(inventory: Mapping[str, Any]) -> str:
    """Number of devices, the most frequent types, and new devices."""
    types = {tidy(name): number(count) for name, count in part(dict(inventory), "by_type").items()}
    ranked = sorted(types.items(), key=lambda pair: (pair[0] == "unknown", -pair[1], pair[0]))
    shown = [f"{count:,} {name}" for name, count in ranked[:TYPES_SHOWN]]
    rest = sum(count for _, count in ranked[TYPES_SHOWN:])
    return ": ".join(
        filter(None, [f"{number(inventory.get('devices')):,}", ", ".join(shown + [f"{rest:,} others"] * bool(rest))])
    )


def alerts(totals: Mapping[str, Any]) -> str:
    """Number of open alerts by severity, and of those that were not reported."""
    open_ones = part(dict(totals), "open")
    counts = [f"{number(open_ones.get(name)):,} {name}" for name in reversed(SEVERITIES) if number(open_ones.get(name))]
    also = [
        f"{number(totals.get(name)):,} {label}"
        for name, label in (("muted", "muted"), ("below", "below the minimum severity"))
        if number(totals.get(name))
    ]
    total = sum(number(count) for count in open_ones.values())
    sums = (
        f"{total:,} open: {', '.join(counts)}; {several(totals.get('incidents'), 'incident')}" if total else "none open"
    )
    return "; ".join([sums, *([", ".join(also)] if also else [])])


def _log(log: Status, now: float) -> Iterator[Line]:
    if not log.get("path"):
        yield "to standard output", ""
        return
    oldest = f", since {age(now - decimal(log['oldest']))} ago" if log.get("oldest") else ""
    yield f"{tidy(log['path'])}: {size(log.get('bytes'))} in {several(log.get('segments'), 'segment')}{oldest}", ""
    if log.get("stalled"):
        yield f"the disk is not writable: {size(log.get('waiting_bytes'))} pending in memory", "red"
    given_up = sum(number(count) for count in part(log, "given_up").values())
    lost = [f"{given_up:,} records dropped"] * bool(given_up) + [
        f"{number(log.get('shortened')):,} removed before every output received them"
    ] * bool(number(log.get("shortened")))
    if lost:
        yield ", ".join(lost), "red"


def _unwritten(status: Status) -> Iterator[Line]:
    """Data other than events that the disk did not accept."""
    for name, what in (("traffic_records", "rows of traffic records"), ("evidence", "packets of alerts")):
        if count := number(part(status, name).get("dropped")):
            yield f"{what} that were not written: {count:,}", "yellow"


def output(name: str, status: Status, now: float) -> Line:
    """One output, and its faults."""
    if not status:
        return f"{tidy(name):12} `sensor forward` is not running, or uses another configuration", "yellow"
    state = tidy(status.get("state"))
    if state == "unknown":
        return f"{tidy(name):12} unknown: {tidy(status.get('error'))}", "yellow"
    counts = ", ".join(
        f"{number(status.get(label)):,} {label}"
        for label in ("delivered", "pending", "refused", "missing")
        if label != "missing" or status.get(label)
    )
    error = (
        f": {tidy(status.get('error'))} ({age(now - decimal(status.get('error_at')))} ago)"
        if status.get("error") and state != "delivering"
        else ""
    )
    silent = now - decimal(status.get("written")) > 6 * SILENT_S
    return (
        f"{tidy(name):12} {state}, {counts}{error}{', no process delivers now' if silent else ''}",
        "yellow" if silent else STATE_STYLES.get(state, ""),
    )


def _lists(intel: Status, now: float) -> Iterator[Line]:
    lists = part(intel, "lists")
    if not lists:
        yield "none", ""
    else:
        newest = max(decimal(one.get("written")) for one in lists.values() if isinstance(one, dict))
        yield (
            (
                f"{number(intel.get('entries')):,} entries in {several(len(lists), 'list')}, the newest "
                f"{age(now - newest)} old"
            ),
            "",
        )
    if number(intel.get("left_out")) or number(intel.get("unread")):
        yield f"skipped: {several(intel.get('unread'), 'list')}, {several(intel.get('left_out'), 'line')}:", "yellow"
        yield from ((text, "yellow") for text in texts(intel.get("why")))


def _rules(rules: Status) -> Iterator[Line]:
    yield f"{number(rules.get('used')):,} in use" if rules.get("used") else "none", ""
    if faults := number(rules.get("faults")):
        yield f"skipped because of {several(faults, 'fault')}:", "yellow"
        yield from ((text, "yellow") for text in texts(rules.get("why")))


def _configuration(configuration: Status) -> Iterator[Line]:
    """Only if the operator has to act."""
    for text in texts(configuration.get("faults")):
        yield f"invalid, the previous one remains in use: {text}", "yellow"
    if restart := configuration.get("restart"):
        yield f"changed, needs a restart: {tidy(restart)}", "yellow"


def made_room(removed: Mapping[str, Any]) -> str:
    """Tables that evicted entries, most evictions first; empty if none did."""
    ranked = sorted(((number(count), tidy(name)) for name, count in removed.items() if number(count)), reverse=True)
    return ", ".join(f"{count:,} {name}" for count, name in ranked[:TYPES_SHOWN]) + " evicted" if ranked else ""


def health(status: Status, now: float) -> Iterator[Line]:
    """Persistent faults."""
    silent = now - decimal(status.get("ts"))
    if silent > SILENT_S:
        yield f"the engine has not reported for {age(silent)}", "red"
    ongoing = [one for one in part(part(status, "health"), "lasting").values() if isinstance(one, dict)]
    for one in ongoing:
        severity = tidy(one.get("severity"))
        yield (
            f"{severity:8} {tidy(one.get('msg'))} (since {age(now - decimal(one.get('since')))})",
            STYLES.get(severity, ""),
        )
    faults = sum(number(count) for count in part(status, "faults").values())
    if faults:
        yield (
            (
                f"units of the sensor failed {several(faults, 'time')}: "
                f"{', '.join(tidy(name) for name in part(status, 'faults'))}"
            ),
            "yellow",
        )
    stalled = bool(part(status, "log").get("stalled"))
    if stalled:
        yield "the event log cannot be written", "red"
    if silent <= SILENT_S and not ongoing and not faults and not stalled:
        yield "no faults", ""


def process(usage: Status, uptime: float, rings: Any) -> str:
    """Resource usage."""
    share = decimal(usage.get("cpu_s")) / uptime if uptime else 0
    ring = f" ({size(rings)} of it ring buffers)" if rings else ""
    return (
        f"{size(usage.get('memory_bytes'))} of memory{ring}, {share:.1%} of a core since the start, "
        f"{number(usage.get('descriptors')):,} descriptors, "
        f"{number(usage.get('threads')):,} threads"
    )


def is_healthy(status: Status, now: float) -> bool:
    """Whether the engine works without faults of medium severity or more."""
    ongoing = part(part(status, "health"), "lasting").values()
    severe = any(isinstance(one, dict) and one.get("severity") in SEVERE for one in ongoing)
    return now - decimal(status.get("ts")) <= SILENT_S and not severe and not part(status, "log").get("stalled")


# Conversions.


def decimal(value: Any) -> float:
    """A finite number; 0 for anything else."""
    return float(value) if isinstance(value, int | float) and abs(value) < MOST else 0.0


def several(value: Any, singular: str) -> str:
    """A number with its noun."""
    return counted(number(value), singular)


def size(value: Any) -> str:
    """Bytes in their largest unit."""
    count, unit = decimal(value), 0
    while count >= 1024 and unit < len(UNITS) - 1:
        count, unit = count / 1024, unit + 1
    return f"{count:,.0f} {UNITS[unit]}" if unit == 0 or count >= 100 else f"{count:.1f} {UNITS[unit]}"


def texts(value: Any) -> Sequence[str]:
    """The first texts of a list."""
    return [tidy(one) for one in value[:TEXTS_SHOWN]] if isinstance(value, list) else []
