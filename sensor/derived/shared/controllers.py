"""Logins to management controllers (IPMI 2.0, 13.20 to 13.23), whose results several messages show."""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.time_units import SECOND
from sensor.dissectors.ipmi import IpmiSession

# Status of a controller that does not know the user (IPMI 2.0, 13.24), and the time after which a client that received
# the controller's proof of the password, but did not answer it, has another password.
NO_USER, WAIT = 0x0D, SECOND // 20


class OpenLogin(NamedTuple):
    """An unfinished login: time of its last message, and whether the controller answered."""

    ts: int
    flow: int
    user: str
    answered: bool


class EndedLogin(NamedTuple):
    """``answer``: the controller sent the message that ended it."""

    user: str
    accepted: bool
    unknown: bool
    answer: bool


class Controllers:
    """The last unfinished login of each client and controller."""

    def __init__(self, pending: Bounded[tuple[int, int], OpenLogin]) -> None:
        self._pending = pending

    def end(self, event: IpmiSession) -> EndedLogin | None:
        """Record a message; the login that it ends. The controller proves in message 2 that it knows the password, so
        that a client with another one does not go on, or reports it in message 3.
        """
        packet, answer = event.packet, event.step in ("rakp_2", "rakp_4")
        pair = (packet.dst, packet.src) if answer else (packet.src, packet.dst)
        before = self._pending.pop(pair)
        if event.step == "rakp_1":
            self._pending.put(pair, OpenLogin(packet.ts, packet.flow, event.user, False))
            if before and before.answered and (before.flow == packet.flow or packet.ts - before.ts > WAIT):
                return EndedLogin(before.user, False, False, False)
        elif before and (event.status or event.step == "rakp_4"):
            return EndedLogin(before.user, not event.status, event.status == NO_USER, answer)
        elif before:
            self._pending.put(pair, OpenLogin(packet.ts, before.flow, before.user, event.hashed))
        return None
