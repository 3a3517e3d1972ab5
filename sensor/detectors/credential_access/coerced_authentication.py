"""Coerced authentication: calls of the print spooler (PrinterBug), EFSRPC (PetitPotam), shadow copies and DFS that make
a host authenticate to a path of the caller's choice.

Print clients also request notifications from the spooler, but for a printer; tools open the bare server. The
authentication back to the caller that follows within seconds is reported as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from sensor.core import addresses
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, fields, held
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, call_of, pair_of, quoted
from sensor.detectors.shared.hosts import ends_of
from sensor.dissectors.shared.rpc_events import RpcCall
from sensor.dissectors.shared.smb_events import SmbLogin, SmbNegotiate

OPENS, NOTIFIES = frozenset((1, 69)), frozenset((62, 65))
BACK_S = 30
# (interface, calls with a path from the caller, its description)
PATHS = {
    "efsrpc": (frozenset((0, 4, 5, 6, 7, 8, 9, 12, 13, 15, 16, 18, 19, 21, 22)), "file encryption"),
    "fssagent": (frozenset((8, 9)), "shadow copies"),
    "netdfs": (frozenset((12, 13, 15)), "DFS"),
    "eventlog": (frozenset((9,)), "saved event logs"),
}
# A network path in the notation of the object manager.
_UNC = lazy_pattern(r"^\\[\\?]\?\\UNC\\", re.IGNORECASE)


class _Coercion(msgspec.Struct):
    """The path that the spooler was to open, and the time and name of a coercing call."""

    opened: str = ""
    at: int = 0
    how: str = ""


class CoercedAuthentication(CallDetector):
    """Watches the calls, and authentication of their target to the caller."""

    title = "Coerced authentication (PetitPotam, PrinterBug)"
    severity = Severity.high
    techniques = ("T1187", "T1557.001")
    advice = (
        "Isolate the caller: it can relay the target's authentication. Stop the print spooler on domain controllers, "
        "filter these interfaces (RPC filters), require SMB and LDAP signing and extended protection for web "
        "enrollment, and disable NTLM where possible."
    )
    false_positives = (
        "Print clients that open the server itself; backup programs that request shadow copies of "
        "shares: add them to `managers`."
    )
    watches = (RpcCall, SmbNegotiate, SmbLogin)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._pairs: Bounded[tuple[int, int], _Coercion] = self.tables.add("pairs", Bounded(PAIRS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        paths = ((interface, number) for interface, (numbers, _) in PATHS.items() for number in numbers)
        prints = (("spoolss", number) for number in OPENS | NOTIFIES)
        back = held(self._pairs, "packet.dst", "packet.src")
        return {RpcCall: fields("interface", "number").is_in((*paths, *prints)), SmbNegotiate: back, SmbLogin: back}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, RpcCall):
            if event.interface == "spoolss":
                yield from self._spooler(event)
            elif (paths := PATHS.get(event.interface)) and event.number in paths[0]:
                yield from self._path(event, paths[1])
        elif isinstance(event, SmbNegotiate | SmbLogin) and len(self._pairs):
            yield from self._back(event)

    def _pair(self, event: RpcCall) -> _Coercion:
        key = pair_of(event.packet)
        pair = self._pairs.get(key)
        if pair is None:
            pair = _Coercion()
            self._pairs.put(key, pair)
        return pair

    def _spooler(self, event: RpcCall) -> Iterator[Alert]:
        if event.number in OPENS:
            self._pair(event).opened = event.texts[0] if event.texts else ""
        elif event.number in NOTIFIES:
            pair = self._pair(event)
            pair.at, pair.how = event.ts, f"spoolss {event.call}"
            if pair.opened.startswith("\\\\") and "\\" not in pair.opened.rstrip("\\")[2:]:
                why = (
                    call_of(event),
                    f"it opened {pair.opened!r}, the server itself; print clients open a printer",
                )
                yield self.call_alert(
                    event,
                    "coerced authentication through the print spooler of",
                    why,
                    key=("spooler",),
                    severity=Severity.medium,
                    confidence=0.8,
                )

    def _path(self, event: RpcCall, what: str) -> Iterator[Alert]:
        pair = self._pair(event)
        pair.at, pair.how = event.ts, f"{event.interface} {event.call}"
        elsewhere = [text for text in event.texts if self._elsewhere(event, text)]
        if not event.encrypted and not elsewhere:
            return
        why = [
            f"{event.interface} {event.call}"
            + (f" with the path {quoted(elsewhere)}" if elsewhere else ", arguments encrypted")
        ]
        grade = Severity.high if elsewhere and event.interface == "efsrpc" else Severity.medium
        yield self.call_alert(
            event,
            f"coerced authentication through {what} of",
            why,
            key=(event.interface,),
            severity=grade,
            confidence=0.85,
        )

    def _elsewhere(self, event: RpcCall, text: str) -> bool:
        r"""Whether a text refers to another host than the target: ``\\\\host\\share``, and for DFS a bare host."""
        text = _UNC.sub(r"\\\\", text)
        host = text.lstrip("\\").partition("\\")[0].partition("@")[0].lower()
        if host in ("", "?", ".") or not (text.startswith("\\\\") or event.interface == "netdfs"):
            return False
        target = ends_of(event.packet).target
        device = self.context.device(target)
        names = {name.lower() for name in device.names} if device else set()
        return (
            host != addresses.text(target.address)
            and host not in names
            and host not in {name.partition(".")[0] for name in names}
        )

    def _back(self, event: SmbNegotiate | SmbLogin) -> Iterator[Alert]:
        """The target opens a session with the caller. Its spooler does so for print clients too: an opened printer is
        benign.
        """
        packet = event.packet
        pair = self._pairs.get((packet.dst, packet.src))
        if pair is None or not pair.at or not 0 <= event.ts - pair.at <= BACK_S * SECOND:
            return
        if pair.how.startswith("spoolss") and "\\" in pair.opened.rstrip("\\")[2:]:
            return
        why = (
            f"the actor called {pair.how}",
            f"{(event.ts - pair.at) / SECOND:.1f} s later the target opened an SMB session with the actor",
        )
        pair.at = 0
        yield self.call_alert(
            event, "coerced and received authentication of", why, key=("back",), answer=True, confidence=0.95
        )
