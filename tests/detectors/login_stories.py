"""Builders of logins, for each protocol whose events contain the outcome; each with another password by default."""

from __future__ import annotations

from typing import Any

from sensor.core.addresses import parse
from sensor.core.event import Event
from sensor.core.packet import Packet
from sensor.core.time_units import SECOND
from sensor.dissectors.ftp import FtpLogin
from sensor.dissectors.http import HttpLogin, HttpRequest, HttpResponse
from sensor.dissectors.shared.seal import password_seal, seal
from sensor.dissectors.shared.smb_events import SmbLoginResult
from sensor.dissectors.sip import SipRequest, SipResponse
from sensor.dissectors.ssh import SshLogin
from sensor.dissectors.telnet import TelnetLogin
from tests.detectors.stories import START, mac_of

CLIENT, SERVER = "10.0.0.66", "10.0.0.5"
LOGON_FAILURE, NO_SUCH_USER = 0xC000006D, 0xC0000064


def ends(
    at: float,
    port: int,
    *,
    answer: bool,
    client: str = CLIENT,
    server: str = SERVER,
    flow: int = 0,
    problem: int = 0,
) -> Packet:
    """A packet of the client, or the response of the server."""
    near, far = (server, client) if answer else (client, server)
    ports = {"sport": port, "dport": 40000} if answer else {"sport": 40000, "dport": port}
    ts = START + int(at * SECOND)
    macs = {"src_mac": mac_of(near), "dst_mac": mac_of(far)}
    return Packet(ts=ts, src=parse(near), dst=parse(far), proto=6, flow=flow, problem=problem, **macs, **ports)


def ftp(at: float, user: str = "admin", *, accepted: bool = False, password: bytes = b"", **where: Any) -> Event:
    return FtpLogin(
        ends(at, 21, answer=True, **where),
        user,
        True,
        accepted,
        230 if accepted else 530,
        seal(user, password or str(at).encode()),
    )


def telnet(at: float, user: str = "admin", *, accepted: bool = False, password: bytes = b"", **where: Any) -> Event:
    return TelnetLogin(
        ends(at, 23, answer=True, **where),
        user,
        True,
        "accepted" if accepted else "refused",
        seal(user, password or str(at).encode()),
    )


def ssh(at: float, *, accepted: bool = False, **where: Any) -> Event:
    """An SSH session with a rejected or an accepted password, as packet sizes indicate."""
    return SshLogin(ends(at, 22, answer=True, **where), accepted)


def smb(at: float, user: str = "anna", *, status: int = LOGON_FAILURE, **where: Any) -> Event:
    return SmbLoginResult(ends(at, 445, answer=True, **where), 2, "ntlmv2", user, "EXAMPLE", "WS-1", status, False)


def web(
    at: float, user: str = "admin", *, status: int = 401, scheme: str = "basic", password: bytes = b"", **where: Any
) -> list[Event]:
    """An HTTP request with credentials, and its response."""
    flow = int(at * 1000) + 1
    requested = HttpRequest(
        ends(at, 80, answer=False, flow=flow, **where), "GET", SERVER, "/", "Agent", scheme, user, "", "", 0, False
    )
    if scheme in ("basic", "query"):
        sent = password or str(at).encode()
        requested.seal, requested.password_seal = seal(user, sent), password_seal(sent)
    return [
        requested,
        HttpResponse(
            ends(at, 80, answer=True, flow=flow, **where), status, "", "", 0, (scheme,), "", "", "GET", "/", False
        ),
    ]


def form(at: float, user: str = "admin", password: bytes = b"", **where: Any) -> Event:
    """A form with a password, whose result the response does not show."""
    sent, fields = password or str(at).encode(), ("user", "password")
    packet = ends(at, 80, answer=False, **where)
    return HttpLogin(packet, SERVER, "/login.php", fields, seal(user, sent), user, password_seal(sent))


def register(
    at: float,
    extension: str = "100",
    *,
    status: int = 401,
    credentials: bool = True,
    stale: bool = False,
    **where: Any,
) -> list[Event]:
    """A SIP REGISTER request and its response; ``stale``: the nonce of the credentials was too old."""
    number, address = int(at * 1000), f"{extension}@{SERVER}"
    requested = SipRequest(
        ends(at, 5060, answer=False, **where),
        "REGISTER",
        f"sip:{SERVER}",
        address,
        address,
        "id",
        number,
        "Phone",
        credentials,
    )
    return [
        requested,
        SipResponse(
            ends(at, 5060, answer=True, **where),
            status,
            "x",
            "REGISTER",
            address,
            address,
            "id",
            number,
            "PBX",
            status == 401,
            stale=stale,
        ),
    ]
