"""SIP password guessing: one source sends many registrations and calls with credentials that the SIP server rejects.

A phone with a wrong password retries too, but waits half a minute and more between two attempts (RFC 5626, 4.5).
Requests without credentials are not counted: the first challenge is how every registration begins. Extensions that
register in the end are not counted either: phones answer with their last challenge, and receive a new one when it is
stale. If the capture holds no packet of the server, many requests with credentials of one extension count; if it holds
no request, many refusals of one extension, with medium severity.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import counted, some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.derived.logins import LoginAttempt
from sensor.detectors.shared.hosts import network_of_packet, who
from sensor.detectors.shared.logins import FailedLogins

REPORTED_LIMIT = 4096
UNSEEN = "request: the client may have sent no credentials, or the same ones each time"


class Options(detector.Options):
    """When rejections are guessing."""

    failures: int = Field(8, ge=2, description="threshold: rejected credentials of one source at one SIP server")
    window_s: int = Field(60, ge=10, le=3600, description="time window in seconds")
    slow: int = Field(40, ge=5, description="threshold of slow guessing: rejected credentials")
    slow_s: int = Field(3600, ge=600, le=86400, description="time window of slow guessing, in seconds")
    extensions: int = Field(
        5, ge=2, description="threshold: extensions with rejected credentials, within the slow time window"
    )


class RegistrationGuessing(EventDetector):
    """Watches requests with credentials and the answers to them."""

    title = "SIP password guessing"
    severity = Severity.high
    techniques = ("T1110.001", "T1110")
    advice = (
        "Block the source at the PBX, give every extension a long random password, and check whether an attempt "
        "succeeded: calls to international and premium numbers come next."
    )
    false_positives = "A PBX or trunk with a wrong password that retries without pause."
    decisive = {"failures": "failures", "slow": "failures"}
    Options = Options
    watches = (LoginAttempt,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        want = self.options
        self._fast = self.tables.include("fast", FailedLogins(want.window_s * SECOND))
        self._slow = self.tables.include("slow", FailedLogins(want.slow_s * SECOND))
        self._extensions: Distinct[tuple[int, int, str], str] = self.tables.add(
            "extensions", Distinct(want.slow_s * SECOND)
        )
        self._right: Distinct[tuple[int, int, str], str] = self.tables.add("right", Distinct(want.slow_s * SECOND))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, want.window_s * SECOND)
        )
        self._unjudged: Counts[tuple[int, int, str, str]] = self.tables.add("unjudged", Counts(want.window_s * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        return {LoginAttempt: field("service") == "SIP"}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, LoginAttempt) or event.service != "SIP":
            return
        want, pair = self.options, event.pair
        if not event.judged:
            yield from self._from_one_side(event)
            return
        fast, slow = self._fast.count(event, event.ts), self._slow.count(event, event.ts)
        if event.accepted:
            self._right.add(pair, event.account, event.ts)
            return
        self._extensions.add(pair, event.account, event.ts)
        right = frozenset(self._right.values(pair))
        names = [name for name in self._extensions.values(pair) if name not in right] or [event.account]
        extensions = len(names)
        if fast >= want.failures:
            count, most, window = fast, want.failures, want.window_s
        elif slow >= want.slow or extensions >= want.extensions:
            count, most, window = slow, want.slow, want.slow_s
        else:
            return
        reasons = (
            f"{count} credentials rejected within {window} s (threshold {most})",
            f"{counted(extensions, 'extension')}: {some(names)} (threshold {want.extensions})",
        )
        numbers = {"failures": count, "threshold": most, "window_s": window, "extensions": extensions}
        yield from self._alert(event, names, reasons, numbers)

    def _from_one_side(self, event: LoginAttempt) -> Iterator[Alert]:
        """Requests without answers, or refusals without requests, counted by extension: many phones may share an
        address.
        """
        want, account = self.options, event.account
        count = self._unjudged.add((*event.pair, account), event.ts)
        if count < want.failures:
            return
        what, missing = ("credentials", "packet of the server") if event.proven else ("refusals", UNSEEN)
        reasons = (
            f"{count} {what} of one extension within {want.window_s} s (threshold {want.failures})",
            f"the capture contains no {missing}",
        )
        numbers = {"failures": count, "threshold": want.failures, "window_s": want.window_s, "extensions": 1}
        yield from self._alert(event, [account], reasons, numbers)

    def _alert(
        self, event: LoginAttempt, names: list[str], reasons: tuple[str, ...], numbers: dict[str, int]
    ) -> Iterator[Alert]:
        if not self._reported.fresh(event.pair, event.ts):
            return
        yield self.alert(
            event.origin,
            actor=event.client,
            target=event.server,
            summary=(
                f"{who(self.context, event.client)} guessed SIP passwords of {some(names, 3)} on "
                f"{who(self.context, event.server)}, {numbers['failures']} attempts"
            ),
            why=reasons,
            numbers={**numbers},
            severity=self.severity if event.proven else Severity.medium,
            confidence=0.9 if event.judged else 0.7,
            key=(event.server.address,),
            actor_port=event.client_port,
            target_port=event.server_port,
            network=network_of_packet(
                self.context, event.packet, "sip", answer=event.packet.src != event.client.address
            ),
        )
