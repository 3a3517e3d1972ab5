"""Password guessing for network access: one station, or one remote host, fails to log in over 802.1X or RADIUS with
account after account, or faster than a device can repeat an old password.

Counted by station: its MAC or the address of the remote host; where RADIUS names neither, by NAS and account, since
many users log in behind one NAS. Certificates (EAP-TLS) and authentication by MAC have no password. A device with an
old password repeats one account, and associates again each time; operating systems then wait for seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.observation import Subject
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Counts, Distinct
from sensor.detectors.shared.hosts import network_of_packet, who
from sensor.dissectors.eapol import EapolIdentity, EapolMethod, EapolResult
from sensor.dissectors.radius import RadiusRequest, RadiusResult

OPEN_LIMIT, REPORTED_LIMIT, QUICK_S = 4096, 1024, 60
CERTIFICATE, MAC = "tls", "mac"
# Not a choice of a method: the login goes on, or ends before one.
UNDECIDED = ("identity", "nak", "notification")


class Options(detector.Options):
    """When failed logins are guessing."""

    accounts: int = Field(5, ge=2, description="threshold: accounts of one station that were rejected")
    window_s: int = Field(600, ge=60, le=86400, description="time window for accounts in seconds")
    failures: int = Field(60, ge=20, description="threshold: failed logins of one station within a minute")
    hints: int = Field(20, ge=5, description="failed logins within a minute that are reported with low severity")


class _Login(NamedTuple):
    """An open login: who is counted and reported, and the account, empty if it is hidden."""

    key: tuple[int | str, ...]
    actor: Subject
    account: str
    method: str


class NetworkLoginGuessing(EventDetector):
    """Watches 802.1X on links of stations, and RADIUS between network access servers and their server."""

    title = "Password guessing for network access (802.1X, RADIUS)"
    severity = Severity.medium
    techniques = ("T1110.001", "T1110.003", "T1110")
    advice = (
        "Find the switch port or access point of the station, and check the log of the RADIUS server for a successful "
        "login. Use certificates (EAP-TLS), and limit failed logins by station."
    )
    false_positives = (
        "A device with an outdated password that retries without a pause (low severity); several users who share a "
        "device or a NAT address after their passwords expired."
    )
    decisive = {"accounts": "accounts", "failures": "failures"}
    Options = Options
    watches = (EapolIdentity, EapolMethod, EapolResult, RadiusRequest, RadiusResult)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        # (NAS, server, port of the NAS, number of the request) → login
        self._requests: Bounded[tuple[int, int, int, int], _Login] = self.tables.add("requests", Bounded(OPEN_LIMIT))
        # (VLAN, supplicant) → login; and (VLAN, number of its last EAP message) → supplicant
        self._logins: Bounded[tuple[int, int], _Login] = self.tables.add("logins", Bounded(OPEN_LIMIT))
        self._numbers: Bounded[tuple[int, int], int] = self.tables.add("numbers", Bounded(OPEN_LIMIT))
        self._rejected: Distinct[tuple[int | str, ...], str] = self.tables.add("rejected", Distinct(window))
        self._accepted: Distinct[tuple[int | str, ...], str] = self.tables.add("accepted", Distinct(window))
        self._failed: Counts[tuple[int | str, ...]] = self.tables.add("failed", Counts(QUICK_S * SECOND))
        self._reported: Recent[tuple[tuple[int | str, ...], Severity]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, window)
        )
        # Station → time of its alert, if a success is reported as well.
        self._guessing: Bounded[tuple[int | str, ...], int] = self.tables.add("guessing", Bounded(REPORTED_LIMIT))

    def wants(self) -> dict[type[Event], Want]:
        return {EapolMethod: ~field("request").filled(), RadiusRequest: field("method").filled()}

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet = event.packet
        if isinstance(event, EapolIdentity):
            actor = Subject(packet.src_mac, 0, packet.vlan)
            account = event.identity if event.identity_kind != "anonymous" else ""
            self._numbers.put((packet.vlan, event.number), packet.src_mac)
            if event.identity_kind != MAC:
                self._logins.put((packet.vlan, packet.src_mac), _Login(("eapol", packet.src_mac), actor, account, ""))
        elif isinstance(event, EapolMethod) and not event.request:
            self._numbers.put((packet.vlan, event.number), packet.src_mac)
            login = self._logins.get((packet.vlan, packet.src_mac))
            if login is not None and event.method not in UNDECIDED:
                self._logins.put((packet.vlan, packet.src_mac), login._replace(method=event.method))
        elif isinstance(event, RadiusRequest) and event.method and event.user_kind != MAC:
            self._requests.put((packet.src, packet.dst, packet.sport, event.number), _requested(event))
        elif isinstance(event, RadiusResult):
            ended = self._requests.pop((packet.dst, packet.src, packet.dport, event.number))
            yield from self._end(event, ended, event.accepted)
        elif isinstance(event, EapolResult):
            group = addresses.is_group_mac(packet.dst_mac)
            station = self._numbers.get((packet.vlan, event.number)) if group else packet.dst_mac
            yield from self._end(event, self._logins.pop((packet.vlan, station or 0)), event.success)

    def _end(self, event: Event, login: _Login | None, accepted: bool) -> Iterator[Alert]:
        """A login was accepted or rejected."""
        if login is None or login.method == CERTIFICATE:
            return
        account, want = login.account.lower(), self.options
        if accepted:
            if account:
                self._accepted.add(login.key, account, event.ts)
            since = self._guessing.pop(login.key)
            if since is not None and event.ts - since <= want.window_s * SECOND:
                excess = (0, 1, want.window_s)
                yield self._alert(event, login, excess, Severity.high, "logged in after it guessed passwords for")
            return
        count = self._failed.add(login.key, event.ts)
        if account:
            self._rejected.add(login.key, account, event.ts)
        accounts = len(set(self._rejected.values(login.key)) - set(self._accepted.values(login.key)))
        if accounts >= want.accounts:
            yield from self._guessed(event, login, (count, want.accounts, want.window_s), Severity.medium)
        elif count >= want.failures:
            yield from self._guessed(event, login, (count, want.failures, QUICK_S), Severity.medium)
        elif count >= want.hints:
            yield from self._guessed(event, login, (count, want.hints, QUICK_S), Severity.low)

    def _guessed(
        self, event: Event, login: _Login, excess: tuple[int, int, int], severity: Severity
    ) -> Iterator[Alert]:
        if severity > Severity.low:
            self._guessing.put(login.key, event.ts)
        if self._reported.fresh((login.key, severity), event.ts):
            yield self._alert(event, login, excess, severity, "guessed passwords for")

    def _alert(self, event: Event, login: _Login, excess: tuple[int, int, int], severity: Severity, did: str) -> Alert:
        """``excess``: failed logins within a minute, what reached its threshold, and the time window of that."""
        packet, (count, most, window) = event.packet, excess
        target = Subject(packet.src_mac, packet.src, packet.vlan)
        names = self._rejected.values(login.key)
        return self.alert(
            event,
            actor=login.actor,
            target=target,
            summary=f"{who(self.context, login.actor)} {did} network access at {who(self.context, target)}",
            why=(
                *([f"{count} logins rejected within {QUICK_S} s"] if count else ["the login was accepted"]),
                *([f"{len(names)} accounts within {self.options.window_s} s: {some(names)}"] if names else []),
                f"threshold {most}, method {login.method or 'unknown'}",
            ),
            numbers={"failures": count, "accounts": len(names), "threshold": most, "window_s": window},
            key=(addresses.mac_text(login.actor.mac), addresses.text(login.actor.address)),
            severity=severity,
            confidence=0.6 if severity == Severity.low else 0.8,
            network=network_of_packet(self.context, packet, "radius", answer=True)
            if isinstance(event, RadiusResult)
            else {"proto": "eapol", "vlan": packet.vlan, "direction": "internal"},
        )


def _requested(event: RadiusRequest) -> _Login:
    """The login of a request, by the station; without one, by NAS and account."""
    packet, account = event.packet, event.user if event.user_kind != "anonymous" else ""
    if event.station:
        return _Login(("radius", event.station), Subject(event.station, 0, 0), account, event.method)
    if event.caller:
        return _Login(("radius", event.caller), Subject(0, event.caller, 0), account, event.method)
    nas = Subject(packet.src_mac, packet.src, packet.vlan)
    return _Login(("radius", packet.src, account.lower()), nas, account, event.method)
