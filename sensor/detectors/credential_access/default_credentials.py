"""Login in cleartext with the user and password that a product is shipped with.

The password is not stored: dissectors provide a keyed hash of user and password, and known pairs are kept as hashes
too. A rejected login shows that a client tries them, which botnets do all the time: low severity, once for each client
and service; many of them are reported as password guessing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, DefaultLogin, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.derived.logins import LoginAttempt
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.logins import network

REPORTED_LIMIT = 4096


class Options(detector.Options):
    """How often it is reported."""

    every_s: int = Field(
        86400,
        ge=60,
        le=604800,
        description="seconds until the same login of the same client and server may be reported again",
    )


class DefaultCredentials(EventDetector):
    """Watches logins with cleartext passwords."""

    title = "Login with default credentials"
    severity = Severity.medium
    techniques = ("T1078.001",)
    advice = (
        "Set a unique password on the device now, review what was done with this login, and disable the "
        "cleartext service if there is an encrypted one."
    )
    false_positives = "Setup of a new device; a lab network; a honeypot."
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._reported: Recent[tuple[object, ...]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.every_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {LoginAttempt: field("seal").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or not event.seal:
            return
        known = self.context.intel.default_login(event.seal)
        if known is None:
            return
        key = (event.server.address, event.service, known.user) if event.accepted else (event.service, "refused")
        if self._reported.fresh((event.client.address, *key), event.ts):
            yield self._found(event, known, key)

    def _found(self, attempt: LoginAttempt, known: DefaultLogin, key: tuple[object, ...]) -> Alert:
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        user = f" as {known.user}" if known.user else ""
        inside = self.context.networks.inside
        outside = inside(attempt.server.address) and not inside(attempt.client.address)
        severity = Severity.low if not attempt.accepted else Severity.high if outside else self.severity
        return self.alert(
            attempt.origin,
            actor=attempt.client,
            target=attempt.server,
            summary=(
                f"{client} {'logged in to' if attempt.accepted else 'attempted a login to'} {attempt.service} "
                f"on {server}{user} with default credentials"
            ),
            why=(
                f"user and password are the defaults of {known.of}",
                _answer_to(attempt),
                *(["the client is external"] if outside else []),
            ),
            numbers={"logins": 1, "threshold": 1},
            key=key,
            severity=severity,
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )


def _answer_to(attempt: LoginAttempt) -> str:
    if attempt.accepted:
        return "the server accepted the login"
    return "the server rejected the login" if attempt.judged else "the server's answer is unknown"
