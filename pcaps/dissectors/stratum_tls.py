"""A miner over TLS: the hello, the login with its first job, shares with their acknowledgements, and pushed jobs. The
times of a capture with this many frames are too close for a result.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation
from pcaps.dissectors._tls import CIPHERS, client_hello, handshake, record, server_name

POOL = "203.0.113.34"


def _sealed(size: int) -> bytes:
    return record(bytes(size), 23, 0x0303)


def frames() -> Frames:
    share = [(True, _sealed(235)), (False, _sealed(80)), (False, _sealed(384))]
    hello = record(handshake(1, client_hello(CIPHERS, [server_name("node7.example")])))
    opening = [(True, hello), (False, _sealed(1210)), (True, _sealed(69) + _sealed(582)), (False, _sealed(469))]
    yield from conversation((DESKTOP, "10.20.30.14", 49310), (GATEWAY, POOL, 8443), [*opening, *share * 3])
