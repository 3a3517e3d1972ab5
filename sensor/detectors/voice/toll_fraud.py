"""Toll fraud: bursts of calls to premium and international numbers, and the search for the dial prefix of an outside
line.

An attacker with an open PBX first dials one number with many prefixes (9, 00, 011, 9011 …) until one works; then makes
many simultaneous calls to premium numbers. Numbers are as dialed. A provider delivers calls to your own numbers with a
country code: set it in `home`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import CallDetector, CallOptions
from sensor.detectors.shared.hosts import Numbers, ends_of, is_external
from sensor.dissectors.sip import SipRequest

REPORTED_LIMIT, NUMBERS_LIMIT = 4096, 64
# Digits that stay the same while prefixes are tried, and the shortest international number.
TAIL, SHORTEST = 8, 9
# Prefixes of international numbers: the plus sign, or digits for an outside line and then for an international call
# (ITU-T E.164; 00 in most countries, 011 in North America, 0011 in Australia, 010 in Japan, 810 in Russia).
_ABROAD = lazy_pattern(r"(?:\+|(?:[0-9*#]{0,3}?)(?:0011|011|010|810|00))([1-9]\d{7,14})\Z")
# Numbers that pay the called party: networks without a country, satellites, premium services by ITU-T E.164.1, and
# places whose number ranges are used for fraud (with published test numbers).
PREMIUM = tuple(
    "979 870 881 882 883 1900 1809 1829 1849 1876 1284 1473 1649 1664 1767 1758 1784 1868 1869 1268 1246 53 216 220 "
    "222 224 225 226 228 231 232 235 236 237 239 240 242 243 245 247 248 252 253 257 261 263 265 266 269 290 371 370 "
    "372 387 389 4470 4487 4490 4491 670 672 674 675 676 677 678 679 680 682 683 685 686 687 688 689 690 691 692 850 "
    "856 960 967 970 993 994 509 597 500".split()
)


class Options(CallOptions):
    """Which calls, and how many, are fraud."""

    home: tuple[str, ...] = Field(
        (), description="country codes, and longer prefixes, that are normal here (`49`, `1809`)"
    )
    premium: tuple[str, ...] = Field(
        PREMIUM, description="prefixes of premium numbers, without the international prefix"
    )
    premium_calls: int = Field(5, ge=1, description="threshold: calls of one source to premium numbers")
    foreign_calls: int = Field(30, ge=5, description="threshold: calls of one source to other international numbers")
    window_s: int = Field(600, ge=10, le=86400, description="time window in seconds")
    prefixes: int = Field(4, ge=2, le=32, description="threshold: dial prefixes that one source tried for one number")


class TollFraud(CallDetector):
    """Watches dialed numbers, once per call."""

    title = "VoIP toll fraud"
    severity = Severity.medium
    techniques = ("T1496",)
    advice = (
        "Block the source, review the bill and the PBX call records, change the passwords of the accounts it used, and "
        "restrict international calls to users who need them, with a daily limit."
    )
    false_positives = "A call center with international customers: set `home`, or add its PBX to `managers`."
    decisive = {"prefixes": "ways", "premium_calls": "calls", "foreign_calls": "calls"}
    Options = Options
    watches = (SipRequest,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._premium: Distinct[int, str] = self.tables.add("premium", Distinct(window))
        self._foreign: Distinct[int, str] = self.tables.add("foreign", Distinct(window))
        self._dialled: Distinct[tuple[int, str], str] = self.tables.add(
            "dialled", Distinct(window, values=NUMBERS_LIMIT)
        )
        self._reported: Recent[tuple[object, ...]] = self.tables.add("reported", Recent(REPORTED_LIMIT, window))
        self._home, self._costly = tuple(self.options.home), tuple(self.options.premium)

    def wants(self) -> dict[type[Event], Want]:
        return {SipRequest: field("method") == "INVITE"}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, SipRequest) or event.method != "INVITE":
            return
        dialled = number_of(event)
        if len(dialled) < SHORTEST:
            return
        yield from self._searched(event, dialled)
        found = _ABROAD.match(dialled)
        if found is None or found[1].startswith(self._home):
            return
        if found[1].startswith(self._costly):
            yield from self._burst(event, self._premium, "premium", self.options.premium_calls)
        else:
            yield from self._burst(event, self._foreign, "foreign", self.options.foreign_calls)

    def _searched(self, event: SipRequest, dialled: str) -> Iterator[Alert]:
        """One number with several prefixes."""
        source, want = event.packet.src, self.options
        ways = self._dialled.add((source, dialled[-TAIL:]), dialled, event.ts)
        if ways < want.prefixes or not self._reported.fresh((source, "ways", ways.bit_length()), event.ts):
            return
        tried = self._dialled.values((source, dialled[-TAIL:]))
        why = (
            f"{ways} prefixes for the number that ends in {dialled[-TAIL:]} (threshold {want.prefixes})",
            f"it dialed {some(tried)}",
        )
        yield self.call_alert(
            event, f"tried {ways} dial prefixes on", why, {"ways": ways, "threshold": want.prefixes}, key=("ways",),
            severity=self._grade(event), app="sip",
        )  # fmt: skip

    def _burst(self, event: SipRequest, calls: Distinct[int, str], kind: str, most: int) -> Iterator[Alert]:
        source, want = event.packet.src, self.options
        count = calls.add(source, event.call_id, event.ts)
        if count < most or not self._reported.fresh((source, kind, count.bit_length()), event.ts):
            return
        why = (
            f"{count} calls to {kind} numbers within {want.window_s} s (threshold {most})",
            f"the last number was {number_of(event)}",
        )
        numbers: Numbers = {"calls": count, "threshold": most, "window_s": want.window_s}
        grade = self._grade(event) if kind == "premium" else Severity.low
        yield self.call_alert(
            event,
            f"placed {count} calls to {kind} numbers through",
            why,
            numbers,
            key=(kind,),
            severity=grade,
            confidence=0.7,
            app="sip",
        )

    def _grade(self, event: SipRequest) -> Severity | None:
        """International calls dialed by an external host are not made by a user of this network."""
        ends = ends_of(event.packet)
        return Severity.high if is_external(self.context, ends.actor, ends.target) else None


def number_of(event: SipRequest) -> str:
    """The called number: plus sign and digits of the request URI, otherwise of To; empty if it is a name."""
    for address in (event.uri.partition(":")[2], event.callee):
        user = address.partition("@")[0].partition(";")[0]
        number = user.translate(_GROUPING)
        if number.lstrip("+*#").isdigit():
            return number
    return ""


# Separators in numbers (RFC 3966, 5.1.1).
_GROUPING = str.maketrans("", "", "-.() ")
