"""Links within a page, only to existing targets, and display limits."""

from __future__ import annotations

import re
from typing import NamedTuple

from markupsafe import Markup, escape

from sensor.report.model import Proof, Report

_ODD = re.compile(r"[^\w.-]")


class Limits(NamedTuple):
    """Display limits. ``devices``: length of an inventory; ``seats``: devices named per finding."""

    devices: int
    products: int
    work: int
    findings: int
    cases: int
    seats: int
    incidents: int
    chapters: int
    alerts: int
    changes: int
    paths: int
    conversations: int


SCREEN = Limits(1_000_000, 0, 200, 400, 6, 30, 50, 40, 500, 500, 40, 36)
PAPER = Limits(200, 60, 15, 30, 2, 6, 8, 8, 40, 40, 6, 10)


class Links:
    """Links within the page, only to existing targets. ``proofs``: those that were referenced."""

    def __init__(self, report: Report, limits: Limits) -> None:
        self._proofs = {proof.id: proof for proof in report.proofs}
        self._devices = {device.id: device for device in report.devices}
        self._listed = len(report.devices) <= limits.devices
        self._findings = {one.name for one in report.findings[: limits.findings]}
        self._alerts = {one.id for one in report.alerts[: limits.alerts]}
        self._named: dict[str, None] = {}

    def ref(self, name: str) -> Markup:
        if name not in self._proofs:
            return Markup("")
        self._named[name] = None
        return Markup('<a class="ref" href="#{}">{}</a>').format(name, name[1:])

    def device(self, name: str) -> Markup:
        """A device by its address and name."""
        known = self._devices.get(name)
        if known is None:
            return escape(name)
        return _link("d", name, known.text) if self._listed else escape(known.text)

    def finding(self, name: str) -> Markup:
        return _link("f", name, name) if name in self._findings else escape(name)

    def alert(self, name: str) -> Markup:
        text = Markup("<code>{}</code>").format(name)
        return _link("a", name, text) if name in self._alerts else text

    def proofs(self) -> list[Proof]:
        """Referenced packets in the order of their numbers."""
        return sorted((self._proofs[name] for name in self._named), key=lambda proof: int(proof.id[1:]))


def anchor(kind: str, name: str) -> str:
    """The id of an anchor: another program's log may name a device like a section."""
    return f"{kind}-{_ODD.sub('_', name)}"


def _link(kind: str, name: str, label: str) -> Markup:
    return Markup('<a href="#{}">{}</a>').format(anchor(kind, name), label)
