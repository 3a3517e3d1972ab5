"""Stratum over TLS: the ClientHello, the login with its first job, shares with their acknowledgements, pushed jobs. The
frames of this capture are too close in time for a detection.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation
from pcaps.dissectors._tls import CIPHERS, client_hello, handshake, record, server_name

POOL = "203.0.113.34"


def _tls_record(size: int) -> bytes:
    return record(bytes(size), 23, 0x0303)


def frames() -> Frames:
    share = [(True, _tls_record(235)), (False, _tls_record(80)), (False, _tls_record(384))]
    hello = record(handshake(1, client_hello(CIPHERS, [server_name("node7.example")])))
    opening = [
        (True, hello),
        (False, _tls_record(1210)),
        (True, _tls_record(69) + _tls_record(582)),
        (False, _tls_record(469)),
    ]
    yield from conversation((DESKTOP, "10.20.30.14", 49310), (GATEWAY, POOL, 8443), [*opening, *share * 3])
