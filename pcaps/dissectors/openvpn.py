"""OpenVPN: answers of servers to new clients: over UDP on its port and on port 443, signed (tls-auth), and over TCP."""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, GATEWAY, Frames, conversation, udp

CLIENT, SERVER = "10.20.30.51", "203.0.113.22"
OURS, THEIRS = bytes.fromhex("334857703d96db39"), bytes.fromhex("d31c3a6964602fa0")  # session IDs
CLIENT_RESET = b"\x38" + OURS + bytes(5)


def reset(between: bytes = b"") -> bytes:
    """``between``: HMAC, packet ID and time of a signed control channel."""
    return b"\x40" + THEIRS + between + b"\x01\0\0\0\0" + OURS + bytes(4)


SIGNED = reset(bytes(range(20)) + bytes.fromhex("0000000165c3a1b2"))


def frames() -> Frames:
    for port, message in ((1194, reset()), (443, reset()), (1194, SIGNED)):
        yield udp(GATEWAY, DESKTOP, SERVER, CLIENT, port, 41194, message)
    parts = [(True, CLIENT_RESET), (False, reset())]
    yield from conversation(
        (DESKTOP, CLIENT, 41200),
        (GATEWAY, SERVER, 443),
        [(end, len(one).to_bytes(2, "big") + one) for end, one in parts],
    )
