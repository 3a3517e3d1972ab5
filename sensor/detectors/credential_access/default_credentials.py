"""Somebody logs in with a user and password that a device is sold with, in clear text: whoever knows the model is in.

The password is nowhere: dissectors tell a seal of user and password, and known pairs are kept as seals too. A login that is refused says that somebody tries
them, which botnets do all day; it is low and told once for each client and service, and many of them are found as guessing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, DefaultLogin, EventDetector
from sensor.core.event import Event
from sensor.core.wants import Want, field
from sensor.derived.logins import LoginAttempt
from sensor.detectors._logins import network
from sensor.detectors._words import who

SECOND = 1_000_000_000
TOLD_LIMIT = 4096


class Options(detector.Options):
    """How often it is told."""

    every_s: int = Field(86400, ge=60, le=604800, description="seconds until the same login of the same two is told again")


class DefaultCredentials(EventDetector):
    """Watches the logins whose password goes in clear."""

    title = "Login with a default password"
    severity = Severity.medium
    techniques = ("T1078.001",)
    advice = "Set a password of your own on the device now, look what was done with this login since, and close the clear-text service where there is another."
    false_positives = "Somebody who sets up a new device; a laboratory; a trap for attackers."
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._told: Recent[tuple[object, ...]] = Recent(TOLD_LIMIT, self.options.every_s * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        return {LoginAttempt: field("seal").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or not event.seal:
            return
        known = self.context.intel.default_login(event.seal)
        if known is None:
            return
        key = (event.server.address, event.service, known.user) if event.accepted else (event.service, "refused")
        if self._told.fresh((event.client.address, *key), event.ts):
            yield self._found(event, known, key)

    def _found(self, attempt: LoginAttempt, known: DefaultLogin, key: tuple[object, ...]) -> Alert:
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        user = f" as {known.user}" if known.user else ""
        inside = self.context.networks.inside
        outside = inside(attempt.server.address) and not inside(attempt.client.address)
        severity = Severity.low if not attempt.accepted else Severity.high if outside else self.severity
        return self.alert(
            attempt.said,
            actor=attempt.client,
            target=attempt.server,
            summary=f"{client} {'got into' if attempt.accepted else 'tried'} {attempt.service} at {server}{user} with a default password",
            why=(
                f"user and password are those that {known.of} are sold with",
                "the server let the client in" if attempt.accepted else "the server refused it" if attempt.judged else "what the server made of it is not told",
                *(["the client is outside the network"] if outside else []),
            ),
            numbers={"logins": 1, "threshold": 1},
            key=key,
            severity=severity,
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )
