"""Enumeration of Windows hosts over SMB and RPC: shares, users, groups, sessions.

Single queries are daily business and of low severity; the same query to many hosts, or several kinds of queries within
minutes, is how tools map a domain.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core.addresses import text
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field, fields
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of
from sensor.detectors.shared.hosts import Numbers
from sensor.dissectors.shared.rpc_events import RpcCall


class Kind(NamedTuple):
    """A kind of query: what it lists, and its ATT&CK techniques: of the domain first, then of a single host."""

    what: str
    techniques: tuple[str, ...]


SHARES = Kind("shares", ("T1135",))
USERS = Kind("users", ("T1087.002", "T1087.001"))
GROUPS = Kind("groups and their members", ("T1069.002", "T1069.001"))
SESSIONS = Kind("open sessions", ("T1049",))
LOGGED_IN = Kind("logged-in users", ("T1033",))
SERVICES = Kind("services", ("T1007",))
REGISTRY = Kind("registry values", ("T1012",))
TIME = Kind("the time", ("T1124",))
PASSWORD_RULES = Kind("the password policy", ("T1201",))
# Frequent queries of monitoring and inventories, which do not count as enumeration.
ORDINARY = (SERVICES, REGISTRY, PASSWORD_RULES, TIME)
# (interface, call): kind
QUESTIONS = {
    ("srvsvc", 15): SHARES, ("srvsvc", 36): SHARES, ("srvsvc", 9): SHARES, ("srvsvc", 12): SESSIONS,
    ("srvsvc", 8): SESSIONS, ("wkssvc", 2): LOGGED_IN,
    ("samr", 13): USERS, ("samr", 40): USERS, ("samr", 48): USERS, ("samr", 51): USERS, ("samr", 36): USERS,
    ("samr", 47): USERS,
    ("samr", 11): GROUPS, ("samr", 15): GROUPS, ("samr", 20): GROUPS, ("samr", 25): GROUPS, ("samr", 33): GROUPS,
    ("svcctl", 14): SERVICES, ("svcctl", 26): SERVICES, ("svcctl", 42): SERVICES, ("svcctl", 17): SERVICES,
    ("svcctl", 29): SERVICES,
    ("winreg", 17): REGISTRY, ("samr", 46): PASSWORD_RULES, ("srvsvc", 28): TIME,
    ("TermSrvEnumeration", 5): LOGGED_IN, ("TermSrvEnumeration", 9): LOGGED_IN, ("TermSrvEnumeration", 10): LOGGED_IN,
    ("TermSrvEnumeration", 11): LOGGED_IN, ("IcaApi", 3): LOGGED_IN,
}  # fmt: skip
OPEN_USERS, ENUM_KEY = 4, 9
# LSARPC calls that translate names and SIDs: many in a row enumerate ids.
TRANSLATIONS = frozenset((14, 15, 57, 58, 68, 76, 77))
# Bytes of a call with five hundred SIDs of 32 bytes each; a program looks up those of an access list or of a token.
MANY_SIDS = 16_000


class Options(CallOptions):
    """Threshold of queries."""

    hosts: int = Field(5, ge=2, description="threshold for medium severity: hosts with the same kind of query")
    kinds: int = Field(3, ge=2, description="threshold for medium severity: kinds of queries of one source")
    translations: int = Field(
        100, ge=10, description="threshold: name and SID translations at one host that are user enumeration"
    )
    window_s: int = Field(600, ge=60, description="time window in seconds")


class SmbEnumeration(CallDetector):
    """Watches SRVSVC, WKSSVC, SAMR, LSARPC, and the remote registry where it lists users with a session."""

    title = "Windows share, user and session enumeration"
    severity = Severity.low
    techniques = ("T1135",)
    advice = (
        "Ask the user of this host. Restrict these queries to administrators (remote SAM policy, "
        "NetSessionEnum hardening)."
    )
    false_positives = (
        "Network browsing, administrators' tools, inventory, backup and scanning programs: add "
        "their hosts to `managers`."
    )
    Options = Options
    watches = (RpcCall,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._hosts: Distinct[tuple[int, str], int] = self.tables.add("hosts", Distinct(window))
        self._kinds: Distinct[int, Kind] = self.tables.add("kinds", Distinct(window))
        self._translated: Counts[tuple[int, int]] = self.tables.add("translated", Counts(window))
        self._users_open: Bounded[tuple[int, int], int] = self.tables.add("users_open", Bounded(PAIRS_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        translates = (field("interface") == "lsarpc") & field("number").is_in(*TRANSLATIONS)
        return {
            RpcCall: translates
            | fields("interface", "number").is_in((*QUESTIONS, ("winreg", OPEN_USERS), ("winreg", ENUM_KEY)))
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, RpcCall):
            return
        kind = QUESTIONS.get((event.interface, event.number)) or self._indirect(event)
        if kind is not None:
            yield self._requested(event, kind)

    def _indirect(self, event: RpcCall) -> Kind | None:
        """Indirect enumeration: subkeys of HKEY_USERS are users with a session; names and ids can be tried
        one by one.
        """
        if event.interface == "winreg":
            pair = pair_of(event.packet)
            if event.number == OPEN_USERS:
                self._users_open.put(pair, event.ts)
            elif event.number == ENUM_KEY and self._users_open.pop(pair) is not None:
                return LOGGED_IN
        elif event.interface == "lsarpc" and event.number in TRANSLATIONS:
            count = self._translated.add(pair_of(event.packet), event.ts)
            return USERS if count == self.options.translations or event.size >= MANY_SIDS else None
        return None

    def _requested(self, event: RpcCall, kind: Kind) -> Alert:
        packet, want = event.packet, self.options
        hosts = self._hosts.add((packet.src, kind.what), packet.dst, event.ts)
        kinds = 0 if kind in ORDINARY else self._kinds.add(packet.src, kind, event.ts)
        many = kind not in ORDINARY and (hosts >= want.hosts or kinds >= want.kinds)
        others = list(reversed(self._hosts.values((packet.src, kind.what)))) if hosts >= want.hosts else []
        why = [f"{event.interface} {event.call}" + (f" through the pipe {event.pipe}" if event.pipe else "")]
        if hosts >= want.hosts:
            why.append(
                f"the same query to {hosts} hosts within {want.window_s} s (threshold {want.hosts}): "
                f"{some([text(host) for host in others])}"
            )
        if kinds >= want.kinds:
            requested = some([one.what for one in self._kinds.values(packet.src)])
            why.append(f"{kinds} kinds of queries within {want.window_s} s (threshold {want.kinds}): {requested}")
        numbers: Numbers = {
            "hosts": hosts,
            "kinds": kinds,
            "hosts_threshold": want.hosts,
            "kinds_threshold": want.kinds,
        }
        return self.call_alert(
            event, f"enumerated {kind.what} of", why, numbers, key=(kind.what,),
            severity=Severity.medium if many else Severity.low,
            confidence=0.8 if many else 0.6, techniques=kind.techniques,
            targets=[Subject(0, host, packet.vlan) for host in others],
        )  # fmt: skip
