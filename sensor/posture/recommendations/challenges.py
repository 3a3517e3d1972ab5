"""Authentication challenges of SIP servers. Basic (RFC 2543) discloses the password; Digest with MD5 and without
``qop`` permits replay of an old response, and so does a reused nonce (RFC 8760, RFC 7616, 5.4); a default realm shows
that the server was not configured.

Challenges of registrars and proxies to their own clients are evaluated: 401 to a REGISTER, and 407.
"""

from __future__ import annotations

from sensor.core.bounded import Bounded
from sensor.core.named_tables import NamedTables
from sensor.core.time_units import SECOND
from sensor.detectors.shared.insecure import InsecureSetting
from sensor.dissectors.sip import SipResponse

UNAUTHORISED, PROXY_UNAUTHORISED = 401, 407
NONCES_LIMIT = 4096
# Servers with time-based nonces give the same nonce to all clients within a second or two.
SAME_S = 60
WEAK = ("", "md5", "md5-sess")
# Default realms: Asterisk and products based on it, 3CX.
DEFAULT_REALMS = frozenset(("asterisk", "3cxphonesystem"))


class Challenges:
    """Remembers a bounded number of nonces."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._nonces: Bounded[tuple[int, str], tuple[str, int]] = self.tables.add("nonces", Bounded(NONCES_LIMIT))

    def read(self, event: SipResponse) -> InsecureSetting | None:
        """The weak or correct setting in a challenge; None if the message is not a challenge."""
        if event.status != PROXY_UNAUTHORISED and (event.status != UNAUTHORISED or event.method != "REGISTER"):
            return None
        if event.scheme == "basic":
            seen = f"it answered {event.status} with the authentication scheme Basic"
            return InsecureSetting("sip_basic", "sip", "requests passwords in cleartext (SIP, Basic)", seen)
        if event.scheme != "digest":
            return None
        faults = self._faults(event)
        if not faults:
            return InsecureSetting(
                "", why=f"it requests {_algorithm(event)} with qop and unique nonces", fixes=("sip_basic", "sip_weak")
            )
        seen = f"it answered {event.status} with a Digest challenge: {', '.join(faults)}"
        return InsecureSetting("sip_weak", "sip", "sends weak Digest challenges (SIP)", seen, fixes=("sip_basic",))

    def _faults(self, event: SipResponse) -> list[str]:
        faults = []
        if event.algorithm.lower() in WEAK and not event.qop:
            faults.append(f"{_algorithm(event)} without qop")
        if self._again(event):
            faults.append("a nonce used for an earlier call")
        if event.realm.lower() in DEFAULT_REALMS:
            faults.append(f"the default realm {event.realm!r}")
        return faults

    def _again(self, event: SipResponse) -> bool:
        """Whether the nonce was used for another call before."""
        if not event.nonce:
            return False
        key = (event.packet.src, event.nonce)
        call, since = self._nonces.get(key) or (event.call_id, event.ts)
        self._nonces.put(key, (call, since))
        return call != event.call_id and event.ts - since >= SAME_S * SECOND


def _algorithm(event: SipResponse) -> str:
    return event.algorithm.upper() or "MD5"
