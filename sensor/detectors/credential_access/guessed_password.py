"""A login succeeds after many that failed: the password was guessed.

A user who finally remembers the password needs three or four attempts, not ten. Failures of other accounts count at
services with few users, but not at a directory, at which one host may log in many users. A few failures of an account
that then logs in do not count, so that a program which fails once before each success is not reported.

If the capture contains only packets of the client, consecutive passwords count, and a login is assumed to be accepted
if the client continues with commands that need one (FTP): severity is one step lower.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.derived.logins import LoginAttempt
from sensor.detectors.shared.hosts import who
from sensor.detectors.shared.logins import network

DIRECTORIES = ("Kerberos", "LDAP", "SMB")


class Options(detector.Options):
    """How many failures before a success are too many."""

    failures: int = Field(
        8, ge=3, description="threshold: failed logins of the client at the service before one succeeded"
    )
    window_s: int = Field(600, ge=60, le=86400, description="time window in seconds")


class GuessedPassword(EventDetector):
    """Watches logins of all protocols that show the result."""

    title = "Successful login after password guessing"
    severity = Severity.high
    techniques = ("T1110", "T1110.001", "T1078")
    advice = (
        "Change the password of the account now, end its sessions, and review what was done with it. "
        "Then stop the guessing."
    )
    false_positives = "A user who tried many old passwords; a program whose password was corrected."
    decisive = {"failures": "failures"}
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._failed: Counts[tuple[int, int, str, str]] = self.tables.add(
            "failed", Counts(self.options.window_s * SECOND)
        )
        self._accounts: Distinct[tuple[int, int, str, str], str] = self.tables.add(
            "accounts", Distinct(self.options.window_s * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {
            LoginAttempt: (field("judged").filled() | field("packet.one_sided").filled()) & field("proven").filled()
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or not event.proven or not (event.judged or event.packet.one_sided):
            return
        account = event.account.lower()
        key = (*event.pair, account if event.service in DIRECTORIES else "")
        if not event.accepted:
            self._failed.add(key, event.ts)
            self._accounts.add(key, account, event.ts)
            return
        # The accepted password was sent before, with an unknown result.
        failures = self._failed.add(key, event.ts, 0) - (not event.judged)
        if failures >= self.options.failures:
            yield self._found(event, failures)
        elif any(other != account for other in self._accounts.values(key)):
            return  # a user who mistyped a password, and earlier failures of other accounts
        self._failed.forget(key)
        self._accounts.forget(key)

    def _found(self, attempt: LoginAttempt, failures: int) -> Alert:
        client, server = who(self.context, attempt.client), who(self.context, attempt.server)
        half = attempt.packet.one_sided
        return self.alert(
            attempt.origin,
            actor=attempt.client,
            target=attempt.server,
            summary=(
                f"{client} logged in to {attempt.service} on "
                f"{server}{f' as {attempt.account}' if attempt.account else ''} after {failures} failures"
            ),
            why=(
                (
                    f"{failures} logins failed within {self.options.window_s} s, then one succeeded (threshold "
                    f"{self.options.failures})"
                ),
            ),
            numbers={"failures": failures, "threshold": self.options.failures, "window_s": self.options.window_s},
            key=(attempt.server.address, attempt.service, attempt.account.lower()),
            severity=Severity.medium if half else Severity.high,
            confidence=0.6 if half else 0.9,
            target_port=attempt.server_port,
            network=network(self.context, attempt),
        )
