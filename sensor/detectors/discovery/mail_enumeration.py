"""Mailbox enumeration at a mail server: a host queries one name after another, by commands that exist for nothing
else (VRFY, EXPN), or by recipients that the server refuses (RFC 5321, 3.5 and 3.3).

Mail servers deliver to recipients that no longer exist, but mostly to others.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.dissectors.smtp import SmtpMailbox

QUERIES = ("VRFY", "EXPN")
UNKNOWN = (550, 551, 553)
AGAIN_S = 600


class Options(CallOptions):
    """Thresholds."""

    verified: int = Field(8, ge=3, description="threshold: names queried by VRFY or EXPN")
    refused: int = Field(20, ge=5, description="threshold: recipients that the server refused")
    share: float = Field(0.8, ge=0, le=1, description="minimum share of recipients that the server refused")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class MailEnumeration(CallDetector):
    """Watches names of mailboxes and the answers."""

    title = "Mailbox enumeration (SMTP)"
    severity = Severity.medium
    techniques = ("T1087.003", "T1589.002")
    advice = (
        "Disable VRFY and EXPN, let the server slow down or refuse clients with many unknown recipients, and watch for "
        "password guessing with the names that were found."
    )
    false_positives = (
        "A mailing list with old addresses; a mail gateway that verifies recipients: add it to `managers`."
    )
    decisive = {"verified": "verified", "refused": "refused"}
    Options = Options
    watches = (SmtpMailbox,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._verified: Distinct[tuple[int, int], str] = self.tables.add("verified", Distinct(window, PAIRS_LIMIT))
        self._refused: Distinct[tuple[int, int], str] = self.tables.add("refused", Distinct(window, PAIRS_LIMIT))
        self._accepted: Distinct[tuple[int, int], str] = self.tables.add("accepted", Distinct(window, PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, AGAIN_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {SmtpMailbox: field("command").is_in(*QUERIES, "RCPT")}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SmtpMailbox):
            return
        pair, want = pair_of(event.packet, answer=True), self.options
        if event.command in QUERIES:
            count = self._verified.add(pair, event.address, event.ts)
            if count >= want.verified:
                yield from self._search(event, pair, count, want.verified, f"names queried by {event.command}")
        elif event.command == "RCPT" and event.code in UNKNOWN:
            count = self._refused.add(pair, event.address, event.ts)
            others = len(self._accepted.values(pair))
            if count >= want.refused and count >= want.share * (count + others):
                yield from self._search(event, pair, count, want.refused, f"recipients refused, {others} accepted")
        elif event.command == "RCPT":
            self._accepted.add(pair, event.address, event.ts)

    def _search(
        self, event: SmtpMailbox, pair: tuple[int, int], count: int, threshold: int, reason: str
    ) -> Iterator[Alert]:
        if not self._reported.fresh((*pair, event.command), event.ts):
            return
        verified = event.command in QUERIES
        yield self.call_alert(
            event,
            "enumerated mailboxes on",
            (f"{count} {reason} within {self.options.window_s} s (threshold {threshold})",),
            {"verified" if verified else "refused": count, "threshold": threshold, "window_s": self.options.window_s},
            key=("verify" if verified else "recipients",),
            severity=Severity.medium if verified else Severity.low,
            confidence=0.85 if verified else 0.6,
            answer=True,
            app="smtp",
        )
