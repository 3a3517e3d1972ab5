"""Logins over SIP (RFC 3261, 22), whose results answers show; and captures without the packets of one end."""

from __future__ import annotations

from typing import NamedTuple

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.derived.shared.series import Refusals
from sensor.dissectors.sip import SipRequest, SipResponse

OPEN_LIMIT = 4096
REFUSED = (401, 403, 407)


class SipLogin(NamedTuple):
    """``judged``: the result is known; ``proven``: credentials were sent, otherwise the request is not captured."""

    account: str
    accepted: bool
    judged: bool = True
    proven: bool = True


class Registrations:
    """Requests with credentials until their answer; refusals where the client's packets are not captured."""

    def __init__(self, tables: NamedTables) -> None:
        # call id and CSeq of a request → its account
        self.calls: Bounded[tuple[str, int], str] = tables.add("calls", Bounded(OPEN_LIMIT))
        # (client, server, account) → call id and CSeq of the last request with credentials
        self._proven: Bounded[tuple[int, int, str], tuple[str, int]] = tables.add("proven", Bounded(OPEN_LIMIT))
        # (client, server): servers that answered, and clients whose registrations are captured
        self._answering: Bounded[tuple[int, int], bool] = tables.add("answering", Bounded(OPEN_LIMIT))
        self._registering: Bounded[tuple[int, int], bool] = tables.add("registering", Bounded(OPEN_LIMIT))
        self._refusals: Refusals[tuple[int, int, str]] = tables.include("registrations", Refusals())

    def requested(self, event: SipRequest) -> SipLogin | None:
        """If the server's packets are not captured, each other request with credentials of an account is an attempt
        with unknown outcome.
        """
        pair = (event.packet.src, event.packet.dst)
        if event.method == "REGISTER":
            self._registering.put(pair, True)
        if not event.credentials:
            return None
        account = event.callee if event.method == "REGISTER" else event.caller
        call = (event.call_id, event.cseq)
        self.calls.put(call, account)
        before = self._proven.get((*pair, account))
        self._proven.put((*pair, account), call)
        if event.method != "REGISTER" or before in (None, call) or self._answering.get(pair):
            return None
        return SipLogin(account, False, judged=False)

    def answered(self, event: SipResponse) -> SipLogin | None:
        """The result of a request with credentials."""
        if event.status < 200:
            return None
        if (event.call_id, event.cseq) not in self.calls:
            return self._alone(event)
        self._answering.put((event.packet.dst, event.packet.src), True)
        account = self.calls.pop((event.call_id, event.cseq)) or ""
        refused = event.status in REFUSED and not event.stale
        return SipLogin(account, event.status < 300) if refused or event.status < 300 else None

    def _alone(self, event: SipResponse) -> SipLogin | None:
        """An answer whose request is not captured. Every registration begins with a challenge, and the next answer
        accepts it: only series of refusals of one account count.
        """
        client, server = event.packet.dst, event.packet.src
        if event.method != "REGISTER" or (client, server) in self._registering:
            return None
        refused = event.status in REFUSED and not event.stale
        if not self._refusals.add((client, server, event.callee), event.ts, refused=refused):
            return None
        return SipLogin(event.callee, False, judged=False, proven=False)
