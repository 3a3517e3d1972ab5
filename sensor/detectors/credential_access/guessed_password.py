"""A login succeeds after many that failed: the password was guessed.

The innocent twin is a user who remembers it at last; that takes three or four tries, not ten. Failures of other accounts count where a service has few users,
but not at a directory, where one machine may log in many people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Counts
from sensor.detectors._logins import WATCHES, Logins, network
from sensor.detectors._words import who

SECOND = 1_000_000_000
DIRECTORIES = ("Kerberos", "LDAP", "SMB")


class Options(detector.Options):
    """How many failures before a success are too many."""

    failures: int = Field(8, ge=3, description="failed logins of the client at the service before one succeeded")
    window_s: int = Field(600, ge=60, le=86400, description="seconds in which all that must happen")


class GuessedPassword(EventDetector):
    """Watches the logins of all protocols that show how they end."""

    title = "Password guessed"
    severity = Severity.high
    techniques = ("T1110", "T1078")
    advice = "Change the password of the account now, end its sessions, and look what was done with it since; then see to the guessing itself."
    false_positives = "A user who tried many old passwords; a program whose password was corrected."
    Options = Options
    watches = WATCHES

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._logins = Logins()
        self._failed: Counts[tuple[int, int, str, str]] = Counts(self.options.window_s * SECOND)

    def inspect(self, event: Event) -> Iterator[Alert]:
        attempt = self._logins.read(event)
        if attempt is None or not attempt.judged:
            return
        key = (*attempt.pair, attempt.account.lower() if attempt.service in DIRECTORIES else "")
        failures = self._failed.add(key, event.ts, 0 if attempt.accepted else 1)
        if not attempt.accepted or failures < self.options.failures:
            return
        self._failed.forget(key)
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        yield self.alert(
            event,
            actor=attempt.client,
            target=attempt.server,
            summary=f"{client} got into {attempt.service} at {server}{f' as {attempt.account}' if attempt.account else ''} after {failures} failures",
            why=(f"{failures} logins failed within {self.options.window_s} s, then one succeeded; counts from {self.options.failures} on",),
            numbers={"failures": failures, "threshold": self.options.failures, "window_s": self.options.window_s},
            key=(attempt.server.address, attempt.service, attempt.account.lower()),
            target_port=attempt.server_port,
            network=network(self.context, event, attempt),
        )
