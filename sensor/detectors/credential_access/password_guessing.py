"""One client fails again and again to log in at one service, whatever the protocol: files, directories, terminals, databases, mail, cameras, web pages.

Counted by client, server and service. Limits differ: a file server is asked for passwords by programs all day, a database by none that forgot its own.
Sessions whose logins are encrypted (SSH, RDP) are judged by their shape in ``session_guessing``, telephones in ``voice.registration_guessing``; many accounts
with few tries each are ``password_spraying``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Counts, Distinct
from sensor.detectors._logins import WATCHES, Attempt, Logins, network
from sensor.detectors._words import some, who

SECOND = 1_000_000_000
TOLD_LIMIT = 4096
ELSEWHERE = ("SIP", "SSH")
FILES, DATABASES = ("SMB",), ("SQL Server", "MySQL", "PostgreSQL", "Redis")


class Options(detector.Options):
    """How many failures are guessing."""

    failures: int = Field(20, ge=2, description="failed logins of one client at one service")
    window_s: int = Field(60, ge=10, le=3600, description="seconds in which they must fall")
    hints: int = Field(6, ge=3, description="failed logins in that time that are told as low: people give up sooner, or look their password up")
    files: int = Field(10, ge=2, description="the same for file servers (SMB)")
    files_s: int = Field(600, ge=10, le=3600, description="seconds for file servers")
    databases: int = Field(2, ge=2, description="the same for databases, told as low until `failures` is reached")
    databases_s: int = Field(300, ge=10, le=3600, description="seconds for databases")
    slow: int = Field(60, ge=10, description="failed logins at any service that are guessing, however slow")
    slow_s: int = Field(3600, ge=600, le=86400, description="seconds for slow guessing")


class PasswordGuessing(EventDetector):
    """Watches the logins of all protocols that show how they end."""

    title = "Password guessing"
    severity = Severity.medium
    techniques = ("T1110.001",)
    advice = (
        "Look whether one of the tries succeeded, block the source where it is outside, let the service lock accounts after some failures, "
        "and do not offer it to networks that need none of it."
    )
    false_positives = "A program or device that was left behind with an old password: always the same account, at an even pace."
    Options = Options
    watches = WATCHES

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._logins = Logins()
        self._ordinary: Counts[tuple[int, int, str]] = Counts(want.window_s * SECOND)
        self._special = {
            **dict.fromkeys(FILES, (want.files, want.files_s, Counts[tuple[int, int, str]](want.files_s * SECOND), Severity.medium)),
            **dict.fromkeys(DATABASES, (want.databases, want.databases_s, Counts[tuple[int, int, str]](want.databases_s * SECOND), Severity.low)),
        }
        self._slow: Counts[tuple[int, int, str]] = Counts(want.slow_s * SECOND)
        self._accounts: Distinct[tuple[int, int, str], str] = Distinct(want.slow_s * SECOND)
        self._told: Recent[tuple[object, ...]] = Recent(TOLD_LIMIT, want.window_s * SECOND)

    def inspect(self, event: Event) -> Iterator[Alert]:
        attempt = self._logins.read(event)
        if attempt is None or attempt.accepted or attempt.service in ELSEWHERE:
            return
        want, pair, ts = self.options, attempt.pair, event.ts
        if attempt.account:
            self._accounts.add(pair, attempt.account.lower(), ts)
        quick, slow = self._ordinary.add(pair, ts), self._slow.add(pair, ts)
        if quick >= want.failures:
            yield from self._tell(event, attempt, quick, want.failures, want.window_s, self.severity)
            return
        if attempt.service in self._special:
            most, window, counts, severity = self._special[attempt.service]
            count = counts.add(pair, ts)
            if count >= most:
                yield from self._tell(event, attempt, count, most, window, severity)
                return
        if slow >= want.slow:
            yield from self._tell(event, attempt, slow, want.slow, want.slow_s, self.severity)
        elif quick >= want.hints and attempt.judged:
            yield from self._tell(event, attempt, quick, want.hints, want.window_s, Severity.low)

    def _tell(self, event: Event, attempt: Attempt, count: int, most: int, window: int, severity: Severity) -> Iterator[Alert]:
        """At most once in a while for each pair and severity."""
        if not self._told.fresh((*attempt.pair, severity), event.ts):
            return
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        names = self._accounts.values(attempt.pair)
        doing = "failed" if attempt.judged else "were sent"
        outside = not self.context.networks.inside(attempt.client.address)
        yield self.alert(
            event,
            actor=attempt.client,
            target=attempt.server,
            summary=f"{client} guesses passwords of {attempt.service} at {server}",
            why=(
                f"{count} logins {doing} within {window} s; counts from {most} on",
                *([f"accounts: {some(names)}"] if names else []),
                *(["the source is outside: no user of ours forgot a password there"] if outside else []),
            ),
            numbers={"failures": count, "threshold": most, "window_s": window, "accounts": len(names)},
            key=(attempt.server.address, attempt.service),
            severity=severity,
            confidence=0.9 if attempt.judged else 0.7,
            target_port=attempt.server_port,
            network=network(self.context, event, attempt),
        )
