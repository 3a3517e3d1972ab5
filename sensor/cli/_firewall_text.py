"""``sensor firewall``: requests as text, rules and JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from sensor.cli._colors import coloured, paint
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.core.phrases import counted
from sensor.core.record_parts import time_text
from sensor.core.service_names import service_text
from sensor.posture.firewall.formats import names, written
from sensor.posture.firewall.model import Host, Request
from sensor.posture.firewall.simulate import BlockedConnection, Simulation, noted

Simulated = Sequence[tuple[Request, Simulation]]

PARTIES_SHOWN, CUTS_SHOWN = 20, 40


def put_requests(simulated: Simulated, *, rules: bool) -> None:
    """Print requests as text."""
    colours = coloured(sys.stdout)
    put("\n\n".join("\n".join(_lines(request, simulation, colours, rules=rules)) for request, simulation in simulated))


def _lines(request: Request, simulation: Simulation, colours: bool, *, rules: bool) -> Iterator[str]:
    yield paint(f"{request.id}: {tidy(request.title)}", "bold", colours)
    facts = {
        "direction": request.direction,
        "seen": ", ".join(request.seen),
        "expires": request.until,
        "comment": request.comment,
    }
    yield from (f"  {name:11} {tidy(value)}" for name, value in facts.items() if value)
    for label, parties in (("hosts", request.machines), ("blocked from", request.peers)):
        yield from (
            (f"  {label}", *(f"    {tidy(one.text)}" for one in parties[:PARTIES_SHOWN])) if len(parties) > 1 else ()
        )
        if len(parties) > PARTIES_SHOWN:
            yield f"    and {len(parties) - PARTIES_SHOWN:,} more"
    yield from ("  not blocked", *(f"    {tidy(one.text)}" for one in request.allowed)) if request.allowed else ()
    if request.left_out:
        yield f"  omitted (size limit): {request.left_out:,} more hosts"
    yield from ("  why", *(f"    - {tidy(one)}" for one in request.reasons)) if request.reasons else ()
    yield from _simulated(simulation, colours)
    if rules:
        wider = (
            "; --everyone: all hosts" if request.machines and request.peers and not request.rules[0].match.proto else ""
        )
        yield f"  formats of the rules: --format {', '.join(names())}{wider}"


def _simulated(simulation: Simulation, colours: bool) -> Iterator[str]:
    if not simulation.done:
        yield paint(f"  not simulated: {tidy(simulation.rests_on[0])}", "yellow", colours)
        yield from (paint(f"  warning: {tidy(one)}", "yellow", colours) for one in simulation.warnings)
        return
    yield "  simulated on recorded traffic"
    yield from (
        f"    - based on: {tidy(one)}" if at == 0 else f"    - {tidy(one)}"
        for at, one in enumerate(simulation.rests_on)
    )
    others, meant = simulation.others, [cut for cut in simulation.cuts if cut.meant]
    yield from _cuts("blocked as intended by the alerts", meant)
    yield from _cuts(paint("ALSO BLOCKED", "red", colours), others)
    if not others:
        yield "    no other observed traffic would be blocked"
    yield from (paint(f"  warning: {tidy(one)}", "yellow", colours) for one in simulation.warnings)


def _cuts(label: str, cuts: Sequence[BlockedConnection]) -> Iterator[str]:
    if cuts:
        yield f"    {label}: {_counted(cuts)}"
        yield from (f"      {tidy(cut.text)}{_times(cut)}" for cut in cuts[:CUTS_SHOWN])
    if len(cuts) > CUTS_SHOWN:
        yield f"      and {len(cuts) - CUTS_SHOWN:,} more"


def _counted(cuts: Sequence[BlockedConnection]) -> str:
    return f"{counted(len(cuts), 'connection')} of {counted(len({cut.client for cut in cuts}), 'client')}"


def _times(cut: BlockedConnection) -> str:
    return f", {counted(cut.times, 'time')}, last {time_text(cut.last)[:16]}Z" if cut.times else ""


def put_rules(simulated: Simulated, name: str, *, undo: bool) -> None:
    """Print rules on standard output, and warnings on standard error."""
    for request, simulation in simulated:
        for line in simulation.warnings:
            complain(f"{request.id}: warning: {tidy(line)}", error="firewall.side-effect")
        if not undo and simulation.others:
            complain(
                f"{request.id}: also blocks {_counted(simulation.others)} without an alert: see --simulate",
                error="firewall.side-effect",
            )
        if not undo:
            complain(
                f"{request.id}: {'based on' if simulation.done else 'not simulated:'} {tidy(simulation.rests_on[0])}",
                error="firewall.side-effect",
            )
    sys.stdout.write(written(name, [noted(*one) for one in simulated], undo=undo))


def put_json(simulated: Simulated, name: str | None) -> None:
    """Print one JSON object per request."""
    for request, simulation in simulated:
        body = _body(request, simulation)
        if name is not None:
            body |= {
                "format": name,
                "rules_text": written(name, [noted(request, simulation)]),
                "undo_text": written(name, [request], undo=True),
            }
        put(json.dumps(body, ensure_ascii=sys.stdout.isatty(), separators=(",", ":")))


def _body(request: Request, simulation: Simulation) -> dict[str, Any]:
    rules = [
        {
            "name": one.name,
            "from": list(map(str, one.sources)),
            "to": list(map(str, one.destinations)),
            "proto": one.match.proto_text,
            "port": one.match.port,
        }
        for one in request.rules
    ]
    return {
        "id": request.id, "title": request.title, "direction": request.direction,
        "machines": list(map(_party, request.machines)),
        "peers": list(map(_party, request.peers)), "seen": list(request.seen), "rules": rules,
        "alerts": list(request.alerts), "reasons": list(request.reasons),
        "allowed": list(map(_party, request.allowed)),
        "made": request.made.isoformat(), "expires": request.expires.isoformat() if request.expires else None,
        "comment": request.comment,
        "left_out": request.left_out, "simulation": {"done": simulation.done, "rests_on": list(simulation.rests_on),
        "warnings": list(simulation.warnings),
        "cuts": [_cut(one) for one in simulation.cuts]},
    }  # fmt: skip


def _party(party: Host) -> dict[str, Any]:
    return {"device": party.id, "hostname": party.name, "type": party.kind, "ips": list(party.texts)}


def _cut(cut: BlockedConnection) -> dict[str, Any]:
    flow = {"client": _party(cut.client), "server": _party(cut.server), "service": service_text(cut.service)}
    return flow | {"count": cut.times, "last": time_text(cut.last), "meant": cut.meant}
