"""DCE/RPC: a service is created over TCP (endpoint mapper, NTLM authentication, arguments in cleartext and encrypted);
a COM activation; Zerologon.

Then connections whose beginning is not captured: a directory replication recognized by the order of its calls, an
activation, a Netlogon authentication; and fragments.
"""

from __future__ import annotations

import struct
from typing import Any

from pcaps.dissectors._frames import DESKTOP, PBX, Frames, conversation
from pcaps.dissectors._rpc import (
    activation,
    bind,
    bind_ack,
    fault,
    message,
    narrow,
    request,
    response,
    text,
    text64,
    tower,
)
from pcaps.dissectors._smb import ntlm_authenticate, ntlm_challenge, ntlm_negotiate, version

EPM = "e1af8308-5d1f-11c9-91a4-08002b14a0fa"
SVCCTL = "367abb81-9844-35f1-ad32-98f038001003"
NETLOGON = "12345678-1234-abcd-ef00-01234567cffb"
ACTIVATOR, OTHER = "000001a0-0000-0000-c000-000000000046", "00000000-1111-2222-3333-444444444444"
MMC = "49b2791a-b1ae-4c90-9b8e-e860ba07f889"
CLIENT_VERSION, SERVER_VERSION = version(10, 0, 19041), version(10, 0, 17763)
TARGET = {2: "OFFICE", 1: "FILES-1", 4: "office.example", 3: "files-1.office.example"}
HANDLE = bytes(range(20))
Parts = list[tuple[bool, bytes]]


def mapper() -> Parts:
    """The endpoint mapper is queried for the port of the Service Control Manager."""
    map_request = bytes(4) + tower(SVCCTL, 2, 0)
    map_response = HANDLE + bytes(12) + tower(SVCCTL, 2, 49683) + bytes(3) + bytes(4)
    return [
        (True, bind([(0, EPM, 3)])),
        (False, bind_ack()),
        (True, request(3, map_request)),
        (False, response(map_response)),
    ]


def service() -> Parts:
    """A service is created, then started. The second call is encrypted, the third fails."""
    created = (
        HANDLE
        + text("Updater")
        + struct.pack("<I", 0x20004)
        + narrow("ignored")
        + text("C:\\Windows\\Temp\\u.exe")
        + bytes(8)
    )
    negotiate = ntlm_negotiate(CLIENT_VERSION)
    authenticate = ntlm_authenticate("admin", "OFFICE", "DESK-04", CLIENT_VERSION)
    return [
        (True, bind([(0, SVCCTL, 2), (1, OTHER, 1)], verifier=negotiate, level=6)),
        (False, message(12, bytes(28), verifier=ntlm_challenge("OFFICE", TARGET, SERVER_VERSION), level=6)),
        (True, message(16, bytes(4), verifier=authenticate, level=6)),
        (True, request(12, created, call=2)), (False, response(HANDLE + bytes(4), call=2)),
        (True, request(19, bytes(32), call=3, verifier=bytes(16), level=6)),
        (False, response(bytes(4), call=3, verifier=bytes(16), level=6)),
        (True, request(64, HANDLE, call=4)), (False, fault(0x1C010002, call=4)),
        (True, request(7, HANDLE, context=1, call=5)),
    ]  # fmt: skip


def zerologon() -> Parts:
    """A challenge and a credential of zeros (CVE-2020-1472), in NDR64."""
    challenge = bytes(8) + text64("\\\\FILES-1") + text64("FILES-1") + bytes(8)
    login = (
        bytes(8)
        + text64("\\\\FILES-1")
        + text64("FILES-1$")
        + struct.pack("<Q", 6)
        + text64("FILES-1")
        + bytes(8)
        + struct.pack("<I", 0x212FFFFF)
    )
    return [
        (True, bind([(0, NETLOGON, 1)])), (False, bind_ack()), (True, request(4, challenge)),
        (False, response(bytes(8) + bytes(4))),
        (True, request(26, login)), (False, response(bytes(16) + struct.pack("<I", 0xC0000022))),
    ]  # fmt: skip


def activated() -> Parts:
    return [
        (True, bind([(0, ACTIVATOR, 0)])),
        (False, bind_ack()),
        (True, request(4, activation(MMC))),
        (False, response()),
    ]


def replicated() -> Parts:
    """From the middle of a connection: DsBind, DsCrackNames, DsGetNCChanges; all encrypted."""
    sealed: dict[str, Any] = {"verifier": bytes(16), "level": 6}
    return [part for call, number in enumerate((0, 16, 12, 3)) for part in (
        (True, request(number, bytes(96), call=call, **sealed)), (False, response(bytes(96), call=call, **sealed)),
    )]  # fmt: skip


def frames() -> Frames:
    client, server = (DESKTOP, "10.20.30.14"), (PBX, "10.20.30.5")
    for number, (port, parts) in enumerate(
        ((135, mapper()), (49683, service()), (49668, zerologon()), (135, activated()), (49667, replicated()))
    ):
        yield from conversation((*client, 50100 + number), (*server, port), parts)
