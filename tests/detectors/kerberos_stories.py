"""Builders of Kerberos exchanges: logins and service tickets between one client and one KDC."""

from __future__ import annotations

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.kerberos import (
    KerberosAsReply,
    KerberosAsRequest,
    KerberosError,
    KerberosTgsReply,
    KerberosTgsRequest,
)
from tests.detectors.stories import START, mac_of

CLIENT, CENTRE, REALM = "10.0.0.66", "10.0.0.5", "EXAMPLE.ORG"
TGT = f"krbtgt/{REALM}"
AES, RC4 = 18, 23
WINDOWS = (18, 17, 23, 24, -135, 3)


def packets(at: float, client: str, flow: int) -> tuple[Packet, Packet]:
    """The packets of the client and of the KDC."""
    ts, ends = START + int(at * SECOND), {"flow": flow, "proto": 6}
    here = {"src": parse(client), "src_mac": mac_of(client), "sport": 50000}
    there = {"dst": parse(CENTRE), "dst_mac": mac_of(CENTRE), "dport": 88}
    back = {
        "src": parse(CENTRE),
        "src_mac": mac_of(CENTRE),
        "sport": 88,
        "dst": parse(client),
        "dst_mac": mac_of(client),
        "dport": 50000,
    }
    return Packet(ts=ts, **ends, **here, **there), Packet(ts=ts + 1000, **ends, **back)


def login(
    at: float,
    account: str = "anna",
    *,
    client: str = CLIENT,
    etypes: tuple[int, ...] = WINDOWS,
    proof: str = "timestamp",
    etype: int = AES,
    ticket: str = "t1",
    ticket_etype: int = AES,
    host: str = "WS-1",
    requested_before: bool = True,
    refused: int = 0,
) -> list[Event]:
    """An AS exchange: first without pre-authentication, as usual clients do, then with it; granted, or ``refused`` with
    an error code.
    """
    flow = int(at * 1000) + 1
    out, back = packets(at, client, flow)
    common = (account, REALM, TGT, etypes, 0x40810010, host)
    messages: list[Event] = (
        [KerberosAsRequest(out, *common, "", 0), KerberosError(back, 25, "", REALM, TGT, (AES, RC4))]
        if requested_before and proof
        else []
    )
    messages.append(KerberosAsRequest(out, *common, proof, etype if proof else 0))
    if refused:
        return [*messages, KerberosError(back, refused, "", REALM, TGT, ())]
    return [*messages, KerberosAsReply(back, account, REALM, TGT, ticket, ticket_etype, etype)]


def service(
    at: float,
    name: str,
    *,
    account: str = "anna",
    client: str = CLIENT,
    etypes: tuple[int, ...] = WINDOWS[:5],
    ticket: str = "t1",
    shown: int = AES,
    given: int = AES,
) -> list[Event]:
    """A TGS exchange: a service ticket."""
    out, back = packets(at, client, int(at * 1000) + 1)
    requested = KerberosTgsRequest(out, "", REALM, name, etypes, 0x40810000, "", ticket, shown, TGT, shown, False)
    return [requested, KerberosTgsReply(back, account, REALM, name, f"s{at}", given, shown)]
