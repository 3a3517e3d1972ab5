"""A program is downloaded over HTTP, and its server declares it to be a web page.

Loaders hide programs like this from filters that trust the declared type. Web applications with a wrong default type
do the same by mistake: those of internal servers have low severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.time_units import SECOND
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import ends_of, is_fixed_function
from sensor.dissectors.http import HttpProgram

AGAIN = 3600 * SECOND
PAIRS_LIMIT = 4096
NAMES = {"windows": "a Windows program (PE)", "elf": "a Linux or Unix program (ELF)"}


class DisguisedProgram(CallDetector):
    """Watches responses that are declared to be pages and begin like a program."""

    title = "Program download declared as a web page"
    severity = Severity.medium
    adjusts_severity = True
    techniques = ("T1105", "T1036.008", "T1071.001")
    advice = (
        "Identify the program that requested the file, keep a copy of the file, find out whether it was "
        "started, and block the server."
    )
    false_positives = (
        "Web applications that send installers with the type of a page: add the hosts of their users to `managers`."
    )
    Options = CallOptions
    watches = (HttpProgram,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, AGAIN))

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if not isinstance(event, HttpProgram) or not self._reported.fresh((packet.dst, packet.src), event.ts):
            return
        actor = ends_of(packet, answer=True).actor
        severity = Severity.low if self.context.networks.inside(packet.src) else Severity.medium
        severity = Severity.high if is_fixed_function(self.context, actor) else severity
        why = (
            "the response has the type of a web page (text/html)",
            f"its first bytes are those of {NAMES[event.program]}",
        )
        yield self.call_alert(
            event,
            "downloaded a program declared as a web page from",
            why,
            severity=severity,
            confidence=0.8,
            answer=True,
            app="http",
        )
