"""A login succeeds after many that failed: the password was guessed.

The innocent twin is a user who remembers it at last; that takes three or four tries, not ten. Failures of other accounts count where a service has few users,
but not at a directory, where one machine may log in many people. Whoever gets in after a few failures of his own has explained them: they count no longer, so
that a program which fails once before each success is never taken for one that guesses.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.tally import Counts, Distinct
from sensor.core.wants import Want, field
from sensor.derived.logins import LoginAttempt
from sensor.detectors._logins import network
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
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._failed: Counts[tuple[int, int, str, str]] = Counts(self.options.window_s * SECOND)
        self._accounts: Distinct[tuple[int, int, str, str], str] = Distinct(self.options.window_s * SECOND)

    def wants(self) -> dict[type[Event], Want]:
        return {LoginAttempt: field("judged").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or not event.judged:
            return
        account = event.account.lower()
        key = (*event.pair, account if event.service in DIRECTORIES else "")
        if not event.accepted:
            self._failed.add(key, event.ts)
            self._accounts.add(key, account, event.ts)
            return
        failures = self._failed.add(key, event.ts, 0)
        if failures >= self.options.failures:
            yield self._found(event, failures)
        elif any(other != account for other in self._accounts.values(key)):
            return  # he knows his own password, and was after those of others
        self._failed.forget(key)
        self._accounts.forget(key)

    def _found(self, attempt: LoginAttempt, failures: int) -> Alert:
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        return self.alert(
            attempt.said,
            actor=attempt.client,
            target=attempt.server,
            summary=f"{client} got into {attempt.service} at {server}{f' as {attempt.account}' if attempt.account else ''} after {failures} failures",
            why=(f"{failures} logins failed within {self.options.window_s} s, then one succeeded; counts from {self.options.failures} on",),
            numbers={"failures": failures, "threshold": self.options.failures, "window_s": self.options.window_s},
            key=(attempt.server.address, attempt.service, attempt.account.lower()),
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )
