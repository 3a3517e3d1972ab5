"""NTLM: names, versions, types of responses, and malformed messages."""

from __future__ import annotations

import pytest

from pcaps.dissectors._smb import ntlm_authenticate, ntlm_challenge, ntlm_negotiate, spnego, version
from sensor.core.reader import Malformed
from sensor.dissectors.shared.ntlm import Challenge, Login, Offer, find

SYSTEM = version(10, 0, 22631)
PAIRS = {2: "OFFICE", 1: "DC-1", 4: "office.example", 3: "dc-1.office.example", 5: "example"}
# Hashes of the samples' challenge and of a response of ones: to correlate them, not to recover them.
NONCE, PROOF = "df1d951c82837e75", "a84a46ea386f5fe0"


def test_offer() -> None:
    """A negotiate message reports the client's version if it has one."""
    assert find(spnego(ntlm_negotiate(SYSTEM))) == Offer("10.0.22631")
    assert find(ntlm_negotiate(bytes(8))) == Offer("")
    assert find(b"Negotiate TlRM") is None


def test_challenge() -> None:
    """A challenge reports all names of the server, but no domain if it is the server's own name."""
    message = find(spnego(ntlm_challenge("OFFICE", PAIRS, SYSTEM)))
    assert message == Challenge(
        "OFFICE", "DC-1", "OFFICE", "dc-1.office.example", "office.example", "example", "10.0.22631", NONCE
    )
    assert [kind for kind, _ in message.facts()] == [
        "ntlm.hostname",
        "ntlm.fqdn",
        "ntlm.domain",
        "ntlm.dns_domain",
        "ntlm.version",
    ]
    alone = find(ntlm_challenge("NAS", {2: "NAS", 1: "nas", 4: "", 3: "nas"}, version(6, 1, 0)))
    assert alone is not None
    assert alone.facts() == [("ntlm.hostname", "nas"), ("ntlm.version", "6.1.0")]


@pytest.mark.parametrize(
    ("user", "lm", "nt", "flags", "method"),
    [
        ("u", bytes(24), bytes(60), 0xE2888215, "ntlmv2"),
        ("u", b"\1" * 24, b"\1" * 24, 0xE2808215, "ntlmv1"),
        ("u", b"\1" * 8 + bytes(16), b"\1" * 24, 0xE2888215, "ntlmv1-ess"),
        ("u", b"\1" * 24, b"", 0xE2808215, "lm"),
        ("", b"\0", b"", 0xE2888215, "anonymous"),
        ("u", b"\0", b"", 0xE2888A15, "anonymous"),
        ("root", b"", b"", 0x62008215, "anonymous"),
    ],
)
def test_kinds_of_proof(user: str, lm: bytes, nt: bytes, flags: int, method: str) -> None:
    """The method follows from the sizes of the responses and the flags; the responses themselves are not reported."""
    message = find(ntlm_authenticate(user, "D", "W", SYSTEM, lm=lm, nt=nt, flags=flags))
    assert message is not None
    assert message == Login(user, "D", "W", method, "10.0.22631", PROOF if any(nt or lm) else "")
    assert message.facts() == [("ntlm.hostname", "W"), ("ntlm.version", "10.0.22631")]


def test_other_code_page() -> None:
    """Without the Unicode flag texts have one byte per character."""
    raw = ntlm_authenticate("", "", "", SYSTEM, nt=b"", flags=0xE2888214)
    message = find(raw[:44] + b"\x04\0\x04\0" + (len(raw)).to_bytes(4, "little") + raw[52:] + b"DESK")
    assert isinstance(message, Login)
    assert message.workstation == "DESK"


@pytest.mark.parametrize(
    "raw",
    [
        b"NTLMSSP\0",
        b"NTLMSSP\0\4\0\0\0",
        ntlm_challenge("A", PAIRS, SYSTEM)[:60],
        ntlm_authenticate("A", "B", "C", SYSTEM)[:80],
        ntlm_negotiate(b"")[:12],
    ],
)
def test_malformed(raw: bytes) -> None:
    """Invalid messages are malformed, but yield nothing if the capture truncated them."""
    with pytest.raises(Malformed):
        find(raw)
    assert find(raw, partial=True) is None


def test_pairs_without_end() -> None:
    """Target information is read up to its end, also with an oversized pair."""
    assert find(ntlm_challenge("A", {1: "X", 9: "Y" * 300, 3: "z.example"}, SYSTEM)) == Challenge(
        "A", "X", "", "z.example", "", "", "10.0.22631", NONCE
    )
