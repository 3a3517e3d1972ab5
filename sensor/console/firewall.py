"""Firewall rules for an alert, simulated on the baseline, as `sensor firewall suggest` generates them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sensor.core.record_parts import time_text
from sensor.posture.firewall.formats import written
from sensor.posture.firewall.model import Request
from sensor.posture.firewall.requests import Spec
from sensor.posture.firewall.simulate import Simulation, noted, simulate
from sensor.posture.firewall.suggest import Question, suggested
from sensor.posture.firewall.view import View

DAYS = {"1d": 1, "7d": 7, "30d": 30, "never": 0}


class Suggestion(NamedTuple):
    """A request with its side effects, and its rules in one format, with both as comments."""

    request: Request
    simulation: Simulation
    rules: str
    undo: str


class FirewallPreview(NamedTuple):
    """``remarks``: why parts are not blocked."""

    suggestions: Sequence[Suggestion]
    remarks: Sequence[str]


def shown(view: View, alert: str, form: str, expires: str) -> FirewallPreview:
    """Rules for one alert by its id. ``form``: a firewall format; ``expires``: one of DAYS."""
    now = datetime.now(UTC).replace(microsecond=0)
    spec = Spec(now, now + timedelta(days=DAYS[expires]) if DAYS[expires] else None, "", None, None, False)
    found = suggested(Question(alert, spec), view, time_text)
    moved = view.moved(party for one in found.requests for party in (*one.machines, *one.peers))
    seen = view.seen._replace(moved=moved)
    suggestions = [_suggestion(one, simulate(one, seen), form) for one in found.requests]
    return FirewallPreview(suggestions, [one.text for one in found.remarks])


def _suggestion(request: Request, simulation: Simulation, form: str) -> Suggestion:
    commented = noted(request, simulation)
    return Suggestion(request, simulation, written(form, [commented]), written(form, [request], undo=True))
