"""Attacks on the login of management controllers (IPMI): password hashes of several users are retrieved, and sessions
are opened without authentication.

A controller sends a hash of the password to any client that names a user (RAKP message 2, CVE-2013-4786), which can be
cracked offline. Tools request the hashes of a list of users and go no further; a client that knows the password proves
it in message 3. Sessions with cipher suite 0 need no password (CVE-2013-4782), and management software never opens one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.counting.tally import Distinct
from sensor.detectors.shared.calls import PAIRS_LIMIT, CallDetector, CallOptions, pair_of, quoted
from sensor.dissectors.ipmi import IpmiSession

AGAIN_S = 600
Pair = tuple[int, int]


class Options(CallOptions):
    """Thresholds."""

    users: int = Field(4, ge=2, le=64, description="threshold: users that one host sent without proof of a password")
    window_s: int = Field(300, ge=10, le=86400, description="time window in seconds")


class IpmiLogin(CallDetector):
    """Watches messages that set up sessions."""

    title = "Attack on the login of a management controller (IPMI)"
    severity = Severity.high
    techniques = ("T1110.002", "T1212", "T1078")
    advice = (
        "Change the passwords of the controller's users, disable cipher suite 0 and unused users, and allow access to "
        "management controllers from management hosts only. Check the power, consoles and virtual media of the server."
    )
    false_positives = "A vulnerability scanner or an audit: add its address to `managers`."
    decisive = {"users": "users"}
    Options = Options
    watches = (IpmiSession,)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        window = self.options.window_s * SECOND
        self._named: Distinct[Pair, str] = self.tables.add("named", Distinct(window, PAIRS_LIMIT))
        # flow → the user of the session that is set up
        self._users: Bounded[int, str] = self.tables.add("users", Bounded(PAIRS_LIMIT))
        self._proven: Bounded[tuple[int, int, str], bool] = self.tables.add("proven", Bounded(PAIRS_LIMIT))
        self._hashed: Distinct[Pair, str] = self.tables.add("hashed", Distinct(window, PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, AGAIN_S * SECOND)
        )

    def wants(self) -> dict[type[Event], Want]:
        return {IpmiSession: (field("step") != "opened") | (field("algorithm") == 0)}

    def inspect(self, event: Event) -> Iterator[Alert]:
        if not isinstance(event, IpmiSession):
            return
        if event.step == "opened" and not event.algorithm:
            yield from self._opened(event)
        elif event.step == "rakp_1":
            self._users.put(event.packet.flow, event.user)
        elif event.step == "rakp_2":
            yield from self._answered(event)
        elif event.step == "rakp_3" and not event.status:
            self._proven.put((*pair_of(event.packet), self._users.get(event.packet.flow) or ""), True)

    def _opened(self, event: IpmiSession) -> Iterator[Alert]:
        if self._reported.fresh((*pair_of(event.packet, answer=True), "open"), event.ts):
            yield self.call_alert(
                event,
                "opened a session without authentication on the management controller",
                ("the controller accepted cipher suite 0: no password is required",),
                key=("open",),
                techniques=("T1212", "T1078"),
                answer=True,
                app="ipmi",
            )

    def _answered(self, event: IpmiSession) -> Iterator[Alert]:
        pair, user, want = pair_of(event.packet, answer=True), self._users.get(event.packet.flow), self.options
        if user is None or (*pair, user) in self._proven:
            return
        self._named.add(pair, user, event.ts)
        if event.hashed:
            self._hashed.add(pair, user, event.ts)
        named, hashed = (self._unproven(pair, each) for each in (self._named, self._hashed))
        if len(named) < want.users or not hashed or not self._reported.fresh((*pair, "hashes"), event.ts):
            return
        yield self.call_alert(
            event,
            "retrieved password hashes from the management controller",
            (
                f"{len(named)} users within {want.window_s} s without proof of a password (threshold {want.users})",
                f"the controller sent hashes of {len(hashed)}, including {quoted(hashed)}",
            ),
            {"users": len(named), "hashes": len(hashed), "threshold": want.users, "window_s": want.window_s},
            key=("hashes",),
            answer=True,
            app="ipmi",
        )

    def _unproven(self, pair: Pair, users: Distinct[Pair, str]) -> list[str]:
        """The users among these whose password the client did not prove."""
        return [user for user in users.values(pair) if (*pair, user) not in self._proven]
