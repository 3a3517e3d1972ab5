"""What a dissector asks for: the beginnings of payloads by which it recognizes its protocol."""

from __future__ import annotations

import pytest

from sensor.core.dissector import Interest

INTEREST = Interest(udp=(5060,), starts=(b"SIP/", b"INVITE "), magic=((4, b"\xffSMB"), (0, b"\x00\x01")))


@pytest.mark.parametrize(
    ("payload", "begins"),
    [
        (b"SIP/2.0 200 OK", True), (b"INVITE sip:a", True), (b"sip/2.0", False), (b" SIP/", False), (b"", False),
        (b"\x00\x00\x00\x20\xffSMBr", True), (b"\x00\x00\x00\x20\xffSM", False), (b"\xffSMB", False),
        (b"\x00\x01", True), (b"\x00\x01more", False),
    ],
)  # fmt: skip
def test_a_payload_begins_as_the_protocol_does(payload: bytes, begins: bool) -> None:
    """A text at the start, or four bytes at an offset; fewer bytes have to be all of the payload."""
    assert INTEREST.begins(payload) is begins
    assert not Interest(udp=(5060,)).begins(payload)
