"""Weak behavior of devices beyond their services: multicast name queries, old authentication protocols, cleartext
logins and calls, port mappings without authentication, leases from an unknown DHCP server.
"""

from __future__ import annotations

from collections.abc import Callable

from sensor.core import addresses
from sensor.core.event import Event
from sensor.core.named_tables import NamedTables
from sensor.core.observation import Subject
from sensor.detectors.shared.insecure import InsecureSetting
from sensor.dissectors.dhcp import DhcpAck, DhcpOffer
from sensor.dissectors.http import HttpPortMapping
from sensor.dissectors.ldap import LdapBindResult
from sensor.dissectors.llmnr import LlmnrQuery
from sensor.dissectors.nbns import NbnsQuery
from sensor.dissectors.shared.ntlm_events import NtlmLogin
from sensor.dissectors.shared.smb_events import SmbLogin
from sensor.dissectors.sip import SipResponse
from sensor.posture.recommendations.challenges import Challenges

OLD_NTLM = ("lm", "ntlmv1", "ntlmv1-ess")
OK = 200
# RFC 4511, appendix A: stronger authentication required, confidentiality required.
PROTECT_FIRST = (8, 13)


def _proof(event: NtlmLogin | SmbLogin) -> InsecureSetting | None:
    if event.method == "ntlmv2":
        return InsecureSetting("", why="it authenticated with NTLMv2", as_client=True, fixes=("ntlmv1",))
    if event.method not in OLD_NTLM:
        return None
    return InsecureSetting(
        "ntlmv1",
        "ntlm",
        f"authenticates with {event.method}, which is cracked within hours",
        f"its response to the challenge was {event.method}",
        as_client=True,
    )


def _llmnr(event: LlmnrQuery) -> InsecureSetting | None:
    if event.claim or event.conflict:
        return None
    return InsecureSetting(
        "llmnr", "llmnr", "sends LLMNR queries", f"LLMNR query for {event.name[:80]!r}", as_client=True
    )


def _nbns(event: NbnsQuery) -> InsecureSetting | None:
    if not event.broadcast or event.status:
        return None
    return InsecureSetting(
        "nbns", "nbns", "sends NetBIOS name queries", f"NetBIOS broadcast query for {event.name[:80]!r}", as_client=True
    )


def _directory(event: LdapBindResult) -> InsecureSetting | None:
    if event.method != "simple" or not event.secret:
        return None
    if event.code in PROTECT_FIRST:
        return InsecureSetting(
            "", why=f"it rejected a cleartext password with code {event.code}", fixes=("ldap_simple",)
        )
    return InsecureSetting(
        "ldap_simple",
        "ldap",
        "accepts passwords in cleartext (LDAP)",
        f"it answered a simple bind with a password with code {event.code}",
    )


def _clear(event: SipResponse) -> InsecureSetting | None:
    if event.method != "REGISTER" or event.status != OK:
        return None
    return InsecureSetting(
        "sip_clear", "sip", "registers phones without TLS (SIP)", "it answered a cleartext REGISTER with 200"
    )


def _way_in(event: HttpPortMapping) -> InsecureSetting:
    what = f"it received {event.action} for port {event.external_port}"
    return InsecureSetting("upnp_mapping", "upnp", "receives UPnP port mapping requests", what, requested=True)


def _leases(event: DhcpOffer | DhcpAck) -> InsecureSetting | None:
    """Behind a relay, packets come from the relay; the server identifier names the server."""
    packet = event.packet
    if not event.offered:
        return None
    server = event.server or packet.src
    mac = 0 if event.relay or server != packet.src else packet.src_mac
    seen = f"it offered {addresses.text(event.offered)} to {addresses.mac_text(event.mac)}"
    return InsecureSetting(
        "dhcp_server",
        "dhcp",
        "offers DHCP leases and is not in the configuration",
        seen,
        whose=Subject(mac, server, packet.vlan),
    )


_READERS: dict[type[Event], Callable[..., InsecureSetting | None]] = {
    NtlmLogin: _proof, SmbLogin: _proof, LlmnrQuery: _llmnr, NbnsQuery: _nbns, LdapBindResult: _directory,
    HttpPortMapping: _way_in, DhcpOffer: _leases, DhcpAck: _leases,
}  # fmt: skip
HABITS: tuple[type[Event], ...] = (*_READERS, SipResponse)


class Habits:
    """Reads events one by one, in packet order."""

    def __init__(self) -> None:
        self.tables = NamedTables()
        self._challenges = self.tables.include("challenges", Challenges())

    def read(self, event: Event) -> tuple[InsecureSetting, ...]:
        """Weak or correct settings in an event."""
        read = _READERS.get(type(event))
        if read is not None:
            shown = read(event)
            return (shown,) if shown is not None else ()
        both = (_clear(event), self._challenges.read(event)) if isinstance(event, SipResponse) else ()
        return tuple(shown for shown in both if shown is not None)
