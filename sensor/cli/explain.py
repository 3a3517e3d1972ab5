"""Show the evidence for a device, an alert, an address, a domain or a fingerprint.

WHAT is a device (id, IP address, MAC or host name), an alert (id, beginning of its key, or detector), an incident (id),
any internal or external address, a domain, or the fingerprint of a TLS or SSH client (JA3, JA4, HASSH). For each
attribute of a device, one line shows how its confidence is computed: the best evidence of each family counts, and
families are independent. For an address, a domain or a fingerprint, it shows the devices that have or had it,
communication with first and last time, names, threat lists that contain it, and alerts.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sensor.cli._codes import NOT_FOUND
from sensor.cli._colors import STYLES, coloured, paint
from sensor.cli._data import add_data_arguments
from sensor.cli._known import ambiguous, known
from sensor.cli._show import add_json_argument, decimal, end_name, number, part, tidy
from sensor.cli._table import for_terminal
from sensor.cli._times import clock
from sensor.core.foreign import host_of
from sensor.core.phrases import counted
from sensor.posture.lookup import alerts_named, devices_named, is_id, words_about

if TYPE_CHECKING:
    from sensor.eventlog.fold import Fold

EXAMPLES = """\
  sensor explain 10.20.10.62
  sensor explain KM1A2B3C
  sensor explain discovery.port_scan
  sensor explain 203.0.113.66
  sensor explain update.example.com
  sensor explain 10.20.10.62 --at 2026-11-24T08:10
"""
# Limit of former addresses.
FORMER = 8
# Time before and after an alert in its search command.
AROUND = timedelta(minutes=10)
# A shorter prefix would match all of them.
LONGEST_WORD = len("incident-")
Record = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", metavar="WHAT", help="device, alert, detector, incident, address, domain or fingerprint"
    )
    parser.add_argument(
        "--at", metavar="TIME", default="", help="a device as it was at TIME, by the history in the traffic records"
    )
    add_json_argument(parser)
    add_data_arguments(parser)


def main(args: argparse.Namespace) -> int:
    """Show the evidence; 1 if the name is unknown."""
    if args.at:
        from sensor.cli._asof import explain_then

        return explain_then(args)
    from sensor.cli._explain_indicator import about_of, body_of, explain_indicator

    # An incident is explained with all of its alerts, which do not contain its name.
    whole = args.what.startswith("incident-")
    found = known(args, alerts=True, words=None if whole else lambda fold: words_about(fold, args.what))
    fold = found.fold
    devices = [found.details(record) for record in devices_named(fold, args.what)]
    alerts = alerts_named(fold, args.what)
    incidents = [
        record
        for name, record in fold.incidents.items()
        if name == args.what or (len(args.what) > LONGEST_WORD and name.startswith(args.what))
    ]
    if is_id(args.what) and len(devices) > 1:
        return ambiguous(args.what, devices)
    about = about_of(args, found)
    if not devices and not alerts and not incidents and not (about is not None and about.known):
        from sensor.cli._explain_unknown import complain_of_unknown

        complain_of_unknown(args.what, known(args, alerts=True).fold)
        return NOT_FOUND
    if args.json:
        bodies = [body_of(about)] if about is not None else []
        for record in (*devices, *alerts, *incidents, *bodies):
            print(json.dumps(record, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))
        return 0
    colours = coloured(sys.stdout)
    sections = _sections(devices, alerts, incidents, fold, colours)
    sections += [explain_indicator(about, colours)] if about is not None else []
    print(for_terminal("\n\n".join("\n".join(lines) for lines in sections), sys.stdout))
    return 0


def _sections(
    devices: list[Record], alerts: list[Record], incidents: list[Record], fold: Fold, colours: bool
) -> list[list[str]]:
    """Each of them as lines of text."""
    sections = [explain_device(record, fold, colours) for record in devices]
    sections += [explain_alert(record, fold, colours) for record in alerts]
    if incidents:
        from sensor.cli._incidents import explain_incident

        def alert_of(name: str) -> Record:
            return fold.alerts.get(name) or {}

        sections += [explain_incident(record, alert_of, colours) for record in incidents]
    return sections


# Devices.


def explain_device(record: Record, fold: Fold, colours: bool = False) -> list[str]:
    """A device as lines of text: identity, attributes with their evidence, alerts."""
    from sensor.core.record_parts import objects

    device = part(record, "device")
    known = [tidy(device.get(name)) for name in ("type", "vendor", "model")]
    gone = ", gone" if record.get("action") == "gone" else ""
    lines = [paint(f"{' '.join(filter(None, known))} ({tidy(device.get('id'))}{gone})", "bold", colours)]
    lines += _facts(_device_facts(record, fold))
    if device.get("randomised_mac"):
        lines.append("  the MAC is randomized: it does not identify the vendor and may change")
    claims = objects(record.get("evidence"))
    for attribute in dict.fromkeys(tidy(claim.get("attribute")) for claim in claims):
        lines += _attribute(
            device, attribute, [claim for claim in claims if tidy(claim.get("attribute")) == attribute], colours
        )
    if not claims:
        lines += ["", "  no observation identifies it yet"]
    if "evidence" in (record.get("cut") or ()):
        lines += ["", "  more evidence was omitted to keep the record short"]
    return [*lines, *_alerts_of(tidy(device.get("id")), fold, colours)]


def _device_facts(record: Record, fold: Fold) -> dict[str, Any]:
    """Facts of a device other than its attributes."""
    from sensor.core.record_parts import objects

    device = part(record, "device")
    return {
        "addresses": device.get("ips"),
        "MACs": device.get("macs"),
        "names": device.get("names") or device.get("hostname"),
        "VLAN": device.get("vlan"),
        "roles": device.get("roles"),
        "seen": f"{clock(device.get('first_seen'))} to {clock(device.get('last_seen'))}",
        "before": [
            lost for lost in fold.merged if tidy(part(fold.device(lost) or {}, "device").get("id")) == device.get("id")
        ],
        "services": device.get("services"),
        "uses": record.get("used"),
        "plugged in": [
            " ".join(tidy(one.get(name)) for name in ("protocol", "name", "chassis", "port"))
            for one in objects(record.get("neighbours"))
        ],
        "owner": device.get("owner"),
        "criticality": device.get("criticality"),
        "tags": device.get("tags"),
        "had": [
            f"{tidy(one.get('address'))} until {clock(one.get('to'))}"
            for one in objects(record.get("leases"))
            if not one.get("held")
        ][-FORMER:],
    }


def _attribute(device: Record, attribute: str, claims: list[Record], colours: bool) -> Iterator[str]:
    """One attribute: its value, the sum, its evidence, the contesting values."""
    from sensor.fingerprinting.fuse import SEVERAL
    from sensor.fingerprinting.sums import Sum, comparable, reported

    values: dict[str, list[Record]] = {}
    for claim in claims:
        values.setdefault(comparable(attribute, tidy(claim.get("value"))), []).append(claim)
    value = tidy(
        device.get("hostname" if attribute == "name" else attribute) or part(device, "attributes").get(attribute)
    )
    sure = part(device, "confidences").get(attribute, device.get("confidence") if attribute == "type" else None)
    contested = device.get("contested")
    note = ", contested" if isinstance(contested, list) and attribute in contested else ""
    if value and value != "unknown":
        yield from ("", paint(f"{attribute}: {value} {decimal(sure)}".rstrip() + note, "bold", colours))
    else:
        yield from ("", paint(f"{attribute}: unknown, all values are below the minimum confidence", "bold", colours))
    operator = [claim for claim in claims if claim.get("family") == "operator"]
    if operator:
        values = {
            key: left for key, mine in values.items() if (left := [claim for claim in mine if claim not in operator])
        }
        yield f"  set by the operator{', which overrides observations' if values else ''}"
        yield from (f"    {_word(claim)}" for claim in operator)
        sure = None
    sums = {key: Sum.of(mine) for key, mine in values.items()}
    winners = reported(attribute, value)
    for key in sorted(values, key=lambda key: (key not in winners, -sums[key].sure, key)):
        named = "" if winners == (key,) else f"{tidy(values[key][0].get('value'))}: "
        yield f"  {named}{sums[key].text}"
        yield from (f"    {_claim(claim)}" for claim in sorted(values[key], key=_confidence, reverse=True))
    if attribute not in SEVERAL and winners[0] in sums:
        yield from (f"  {line}" for line in sums[winners[0]].against(attribute, winners[0], sums, sure))


def _confidence(claim: Record) -> float:
    value = claim.get("confidence")
    return float(value) if isinstance(value, int | float) else 0.0


def _word(claim: Record) -> str:
    author = tidy(claim.get("observation")).removeprefix("operator.")
    return f"1.00 operator: set by {author} on {clock(claim.get('first'))}: {tidy(claim.get('seen'))}"


def _claim(claim: Record) -> str:
    texts = {name: tidy(claim.get(name)) for name in ("family", "observation", "seen", "fingerprint")}
    count = number(claim.get("count")) or 1
    first, last = clock(claim.get("first")), clock(claim.get("last"))
    when = f"{count} times, {first} to {last}" if count > 1 else f"once, {first}"
    return f'{decimal(claim.get("confidence"))} {texts["family"]}: {texts["observation"]} was "{texts["seen"]}" (fingerprint {texts["fingerprint"]}; {when})'


def _alerts_of(device: str, fold: Fold, colours: bool) -> Iterator[str]:
    mine = [
        record
        for record in fold.alerts.values()
        if device and device in (part(record, "src").get("device"), part(record, "dst").get("device"))
    ]
    if mine:
        yield from ("", "alerts:")
    for record in mine:
        alert, severity = part(record, "alert"), tidy(record.get("severity"))
        role = "as actor" if part(record, "src").get("device") == device else "as target"
        yield f"  {paint(severity, STYLES.get(severity, ''), colours)} {role}: {tidy(record.get('msg'))} ({tidy(alert.get('id') or alert.get('detector'))})"


# Alerts.


def explain_alert(record: Record, fold: Fold, colours: bool = False) -> list[str]:
    """An alert as lines of text: what happened, actor, targets, reason, numbers, and response."""
    alert, severity = part(record, "alert"), tidy(record.get("severity"))
    head = f"{severity}: {tidy(alert.get('title'))} ({tidy(alert.get('id') or record.get('id'))}, {tidy(alert.get('detector'))})"
    count = number(alert.get("count")) or 1
    numbers = ", ".join(f"{tidy(key)} {tidy(value)}" for key, value in part(alert, "numbers").items())
    facts = {
        "actor": _end(part(record, "src")),
        "target": _end(part(record, "dst")) or "",
        "targets": [end_name(end) for end in _objects(record.get("targets"))]
        if len(_objects(record.get("targets"))) > 1
        else "",
        "when": f"{clock(alert.get('first'))} to {clock(alert.get('last'))}, {counted(count, 'time')}",
        "network": ", ".join(f"{tidy(key)} {tidy(value)}" for key, value in part(record, "network").items()),
        "confidence": decimal(alert.get("confidence")),
        "risk": _risk(alert),
        "numbers": numbers,
        "ATT&CK": "; ".join(
            " ".join(tidy(one.get(name)) for name in ("technique", "name", "tactic"))
            for one in _objects(alert.get("attack"))
        ),
        "packets": _packets(part(record, "packets")),
        "state": _state(record),
        "incident": [
            name
            for name, one in fold.incidents.items()
            if alert.get("id") in (chapter.get("alert") for chapter in _story(one))
        ],
    }
    why = alert.get("why")
    lines = [paint(head, STYLES.get(severity, "") or "bold", colours), f"  {tidy(record.get('msg'))}", *_facts(facts)]
    lines += ["  why"] + [f"    - {tidy(one)}" for one in why] if isinstance(why, list) and why else []
    proofs = [_proof(one) for one in _objects(record.get("evidence"))]
    lines += ["  evidence", *(f"    - {one}" for one in proofs)] if proofs else []
    return [*lines, *_response(record), *_parties(record, fold)]


def _response(record: Record) -> list[str]:
    """What to do now: causes to rule out, advice, and the commands for it."""
    alert = part(record, "alert")
    facts = {
        "benign": alert.get("false_positives"), "advice": alert.get("advice"), "mute": alert.get("mute"),
        "search": _search(record),
    }  # fmt: skip
    return _facts(facts, limit=1024)


def _search(record: Record) -> str:
    """The command that shows the traffic of the actor around the alert; empty if it has no address or time."""
    alert, end = part(record, "alert"), part(record, "src")
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        since, until = (datetime.fromisoformat(alert[name]) for name in ("first", "last"))
        span = f"--since {clock((since - AROUND).isoformat())} --until {clock((until + AROUND).isoformat())}"
        if who := tidy(host_of(end)):
            return f"sensor search {who} {span}"
    return ""


def _risk(alert: Record) -> str:
    """``86 of 100 = severity 70 + confidence 8 + device_type 8``; the sum may be outside of 0 to 100."""
    if not isinstance(alert.get("risk"), int):
        return ""
    terms = part(alert, "risk_terms")
    shown = " + ".join(f"{tidy(name)} {tidy(points)}" for name, points in terms.items())
    total = sum(map(number, terms.values()))
    limited = f" = {total}, limited to 0 to 100" if total != alert["risk"] else ""
    return f"{alert['risk']} of 100" + (f" = {shown}{limited}" if shown else "")


def _packets(packets: Record) -> str:
    return f"{tidy(packets.get('frames'))} in {tidy(packets.get('file'))}" if packets else ""


def _state(record: Record) -> str:
    if record.get("action") != "close":
        return ""
    closed = part(part(record, "alert"), "closed")
    return (
        f"closed by {tidy(closed.get('by'))}: {tidy(closed.get('reason')) or 'no reason given'}"
        if closed
        else "closed: no further activity"
    )


def _story(record: Record) -> list[Record]:
    return _objects(part(record, "incident").get("story"))


def _parties(record: Record, fold: Fold) -> Iterator[str]:
    """The devices at both ends, in their current state."""
    for side in ("src", "dst"):
        device = fold.device(tidy(part(record, side).get("device")))
        if device is not None:
            facts = part(device, "device")
            known = [tidy(facts.get(name)) for name in ("type", "vendor", "model")]
            text = " ".join(filter(None, (*known, decimal(facts.get("confidence")))))
            who = "the actor" if side == "src" else "its target"
            yield f"  {who} is {text}: sensor explain {tidy(facts.get('id'))}"


def _end(end: Record) -> str:
    port = f" port {end['port']}" if isinstance(end.get("port"), int) else ""
    rest = [tidy(end.get(name)) for name in ("mac", "type", "device")]
    return ", ".join(filter(None, (f"{end_name(end)}{port}", *(one for one in rest if one and one != end_name(end)))))


def _proof(one: Record) -> str:
    """An event or a flow in the evidence of an alert."""
    ends = " → ".join(filter(None, (_place(part(one, "src")), _place(part(one, "dst")))))
    facts = ", ".join(f"{tidy(key)} {tidy(value)}" for key, value in part(one, "facts").items())
    return f"{clock(one.get('ts'))} {tidy(one.get('event'))} {ends}" + (f": {facts}" if facts else "")


def _place(end: Record) -> str:
    port = f" port {end['port']}" if isinstance(end.get("port"), int) else ""
    return f"{tidy(end.get('ip') or end.get('mac'))}{port}"


def _objects(value: Any) -> list[Record]:
    from sensor.core.record_parts import objects

    return objects(value)


def _facts(facts: dict[str, Any], limit: int = 512) -> list[str]:
    """Facts, one per line."""
    return [f"  {name:11} {tidy(value, limit)}" for name, value in facts.items() if value not in (None, "", [], {})]
