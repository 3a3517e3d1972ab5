"""Firewall rules for an alert, simulated on the baseline: what `sensor firewall suggest` makes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sensor.posture.firewall.contacts import about_a_name, alerts_of, contacts_of, without_refused
from sensor.posture.firewall.formats import written
from sensor.posture.firewall.model import Request
from sensor.posture.firewall.requests import Spec, requests_of
from sensor.posture.firewall.simulate import Simulation, noted, simulate
from sensor.posture.firewall.view import View

DAYS = {"1d": 1, "7d": 7, "30d": 30, "never": 0}


class Suggestion(NamedTuple):
    """A request with its side effects, and its rules in one format, which carry both as comments."""

    request: Request
    simulation: Simulation
    rules: str
    undo: str


class Suggested(NamedTuple):
    """``left_out``: why something is not blocked."""

    suggestions: Sequence[Suggestion]
    left_out: Sequence[str]


def suggested(view: View, alert: str, form: str, expires: str) -> Suggested:
    """For one alert by its id. ``form``: a format of firewalls; ``expires``: of DAYS."""
    now = datetime.now(UTC).replace(microsecond=0)
    spec = Spec(now, now + timedelta(days=DAYS[expires]) if DAYS[expires] else None, "", None, None, False)
    records = alerts_of(view.known, alert)
    left_out = [
        "the alert is about a name: block the domain at the resolver, not the resolver itself"
        for record in records
        if about_a_name(record)
    ]
    found = contacts_of([record for record in records if not about_a_name(record)], view)
    contacts, refused = without_refused(found, view, whole=False)
    if not found and not left_out:
        left_out.append("the alert names no pair of addresses that a firewall could block")
    requests = [one for one in requests_of(contacts, spec) if one.rules]
    moved = view.moved(party for one in requests for party in (*one.machines, *one.peers))
    seen = view.seen._replace(moved=moved)
    return Suggested([_suggestion(one, simulate(one, seen), form) for one in requests], [*left_out, *refused])


def _suggestion(request: Request, simulation: Simulation, form: str) -> Suggestion:
    commented = noted(request, simulation)
    return Suggestion(request, simulation, written(form, [commented]), written(form, [request], undo=True))
