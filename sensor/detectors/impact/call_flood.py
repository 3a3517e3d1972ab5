"""SIP flood: one host sends calls, registrations or other requests to a SIP server faster than telephony does, so that
phones ring continuously or the server rejects calls of others.

A PBX of an office handles a few calls a second. Requests are counted by pair of hosts; repeated requests of a call
count once within five seconds.
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
from sensor.counting.tally import Counts
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import ends_of, is_fixed_function
from sensor.dissectors.sip import SipRequest

# Requests that begin something; those within a call follow them.
METHODS = ("INVITE", "REGISTER", "OPTIONS", "SUBSCRIBE", "MESSAGE", "NOTIFY", "PUBLISH")
AGAIN_S = 300


class Options(CallOptions):
    """Threshold."""

    requests: int = Field(300, ge=20, description="threshold: requests of one host to one server in the time window")
    window_s: int = Field(10, ge=1, le=600, description="time window in seconds")


class CallFlood(CallDetector):
    """Watches SIP requests."""

    title = "SIP flood (calls, registrations)"
    severity = Severity.medium
    techniques = ("T1499.002", "T1499", "T1498.001")
    advice = (
        "Block the source in front of the SIP server, and limit the rate of requests by source there. If it is a PBX "
        "or a trunk of your own, look for a loop."
    )
    false_positives = "A call center or a trunk of a provider with many calls; load tests: add them to `managers`."
    decisive = {"requests": "requests"}
    Options = Options
    watches = (SipRequest,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._requests: Counts[tuple[int, int]] = self.tables.add(
            "requests", Counts(self.options.window_s * SECOND, PAIRS_LIMIT)
        )
        self._reported: Recent[tuple[int, int]] = self.tables.add("reported", Recent(PAIRS_LIMIT, AGAIN_S * SECOND))

    def wants(self) -> dict[type[Event], Want]:
        return {SipRequest: field("method").is_in(*METHODS)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SipRequest) or event.method not in METHODS:
            return
        pair, want = pair_of(event.packet), self.options
        count = self._requests.add(pair, event.ts)
        if count < want.requests or not self._reported.fresh(pair, event.ts):
            return
        device = is_fixed_function(self.context, ends_of(event.packet).actor)
        yield self.call_alert(
            event,
            "flooded",
            (
                f"{count} SIP requests within {want.window_s} s (threshold {want.requests}), the last: {event.method}",
                f"for {event.callee[:80] or event.uri[:80]}",
            ),
            {"requests": count, "threshold": want.requests, "window_s": want.window_s},
            rest=" with SIP requests",
            severity=Severity.high if device else Severity.medium,
            confidence=0.8,
            app="sip",
        )
