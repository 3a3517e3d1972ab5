"""HTTP error rate: a web server that mostly fails, or a client whose requests mostly fail: a broken device, a failed
update, or probing.

Rejected logins are not counted. Disabled by default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import app_of, ends_of, network_of_packet, who
from sensor.detectors.shared.ratios import ErrorOptions, Finding, Ratio
from sensor.dissectors.http import HttpResponse

PASSWORD_WANTED = (401, 407)


class HttpErrors(EventDetector):
    """Watches responses: server errors by server, client errors by client and server."""

    title = "High HTTP error rate"
    severity = Severity.low
    techniques = ()
    advice = "Check the log of the server, and what was changed on it or on the client before the errors began."
    false_positives = (
        "Programs that request missing files by design, such as browser icons; a website under maintenance."
    )
    decisive = {"errors": "errors"}
    Options = ErrorOptions
    watches = (HttpResponse,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._ratio = self.tables.include("ratio", Ratio(self.options))

    def wants(self) -> dict[type[Event], Want]:
        return {HttpResponse: field("status") >= 200}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, HttpResponse) or event.status < 200:
            return
        packet, status = event.packet, event.status
        if failed := self._ratio.add(("server", packet.src), status >= 500, packet.ts):
            yield self._alert(event, failed, by_server=True)
        if errors := self._ratio.add(
            ("client", packet.dst, packet.src), 400 <= status < 500 and status not in PASSWORD_WANTED, packet.ts
        ):
            yield self._alert(event, errors, by_server=False)

    def _alert(self, event: HttpResponse, found: Finding, *, by_server: bool) -> Alert:
        client, server, client_port, server_port = ends_of(event.packet, answer=True)
        actor, target = (server, client) if by_server else (client, server)
        ports = (server_port, client_port) if by_server else (client_port, server_port)
        what = (
            f"failed {found.errors} of {found.answers} HTTP requests"
            if by_server
            else f"sent {found.errors} of {found.answers} HTTP requests that {who(self.context, server)} rejected"
        )
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} {what}",
            why=(
                (
                    f"{found.errors} of {found.answers} responses within {self.options.window_s} s were errors "
                    f"(threshold {self.options.errors} and {self.options.share:.0%} of all)"
                ),
                f"the last was {event.status}" + (f" to {event.path[:120]!r}" if event.path else ""),
            ),
            numbers={"errors": found.errors, "answers": found.answers, "threshold": self.options.errors},
            key=("server",) if by_server else (addresses.text(server.address),),
            confidence=0.8,
            actor_port=ports[0],
            target_port=ports[1],
            network=network_of_packet(self.context, event.packet, app_of(event), answer=True),
        )
