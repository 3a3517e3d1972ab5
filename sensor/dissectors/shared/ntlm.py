"""NTLM messages ([MS-NLMP] 2.2.1) in any carrier: SPNEGO (RFC 4178), an HTTP header, or bare.

The server's challenge names the server and its domain, the client's response names the user and the client computer;
both may contain the version of the operating system. Proofs and keys are never stored: of a response only its type and
a hash remain. SPNEGO is not parsed: the message is found by its signature.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import struct

import msgspec

from sensor.core.reader import Malformed, clean

SIGNATURE = b"NTLMSSP\0"
NEGOTIATE, CHALLENGE, AUTHENTICATE = 1, 2, 3
UNICODE, ANONYMOUS, SESSION_SECURITY, TARGET_INFO, VERSION = 0x1, 0x800, 0x80000, 0x800000, 0x2000000
PROOF_SIZE = 24  # of NTLM version 1; longer ones are version 2
NAME_LIMIT = 256
PAIRS_LIMIT = 32
# Pairs of the target information ([MS-NLMP] 2.2.2.1).
COMPUTER, DOMAIN, DNS_COMPUTER, DNS_DOMAIN, DNS_FOREST = 1, 2, 3, 4, 5
# Beginning of a Kerberos ticket in a GSS token (RFC 4121, 4.1): token id 01 00 and the application tag of a request.
KERBEROS = b"\x01\x00\x6e"
_FIELD = struct.Struct("<HHI")
_U32 = struct.Struct("<I")
_VERSION = struct.Struct("<BBH")
_PAIR = struct.Struct("<HH")


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """A server's challenge; absent texts are empty. ``version``: ``10.0.17763``. ``target``: the realm it authenticates
    for.

    ``nonce``: a hash of the server challenge, empty if that is zero.
    """

    target: str = ""
    computer: str = ""
    domain: str = ""
    fqdn: str = ""
    dns_domain: str = ""
    forest: str = ""
    version: str = ""
    nonce: str = ""

    def facts(self) -> list[tuple[str, str]]:
        """(kind, value) about the server. A host outside of a domain has its own name as domain."""
        domain = self.domain if self.domain.lower() != self.computer.lower() else ""
        fqdn = self.fqdn if "." in self.fqdn else ""
        pairs = (
            ("ntlm.hostname", self.computer), ("ntlm.fqdn", fqdn), ("ntlm.domain", domain),
            ("ntlm.dns_domain", self.dns_domain if domain else ""),
            ("ntlm.version", self.version),
        )  # fmt: skip
        return [(kind, value) for kind, value in pairs if value]


class Login(msgspec.Struct, frozen=True, gc=False):
    """A client's response. ``method``: ``ntlmv2``, ``ntlmv1`` (``ntlmv1-ess`` with session security), ``lm`` or
    ``anonymous``.

    ``proof``: a hash of the response, to distinguish it from others.
    """

    user: str
    domain: str
    workstation: str
    method: str
    version: str = ""
    proof: str = ""

    def facts(self) -> list[tuple[str, str]]:
        """(kind, value) about the client."""
        return [
            (kind, value)
            for kind, value in (("ntlm.hostname", self.workstation), ("ntlm.version", self.version))
            if value
        ]


class Offer(msgspec.Struct, frozen=True, gc=False):
    """A client's first message. ``version`` of its operating system, if sent."""

    version: str = ""

    def facts(self) -> list[tuple[str, str]]:
        """(kind, value) about the client."""
        return [("ntlm.version", self.version)] if self.version else []


Message = Offer | Challenge | Login


def find(data: bytes, *, partial: bool = False) -> Message | None:
    """The NTLM message inside a token, None if there is none. Raises Malformed if it does not conform to [MS-NLMP],
    unless ``partial``: then a truncated message is None.
    """
    at = data.find(SIGNATURE)
    if at < 0:
        return None
    data = data[at:]
    if partial:
        try:
            return _read(data)
        except (Malformed, struct.error):
            return None
    try:
        return _read(data)
    except struct.error:
        raise Malformed("message ends early") from None


def _read(data: bytes) -> Message:
    (type_,) = _U32.unpack_from(data, 8)
    if type_ == NEGOTIATE:
        (flags,) = _U32.unpack_from(data, 12)
        return Offer(_version(data, 32) if flags & VERSION and len(data) >= 40 else "")
    if type_ == CHALLENGE:
        return _challenge(data)
    if type_ == AUTHENTICATE:
        return _login(data)
    raise Malformed("unknown message")


def _challenge(data: bytes) -> Challenge:
    (flags,) = _U32.unpack_from(data, 20)
    target = _text(_field(data, 12), flags)
    pairs = _pairs(_field(data, 40)) if flags & TARGET_INFO else {}
    version = _version(data, 48) if flags & VERSION else ""
    get = pairs.get
    return Challenge(
        target,
        get(COMPUTER, ""),
        get(DOMAIN, ""),
        get(DNS_COMPUTER, ""),
        get(DNS_DOMAIN, ""),
        get(DNS_FOREST, ""),
        version,
        _hash(data[24:32]),
    )


def _pairs(data: bytes) -> dict[int, str]:
    """Names in the target information by their number, always UTF-16."""
    pairs: dict[int, str] = {}
    offset = 0
    for _ in range(PAIRS_LIMIT):
        if offset + 4 > len(data):
            break
        kind, size = _PAIR.unpack_from(data, offset)
        raw = data[offset + 4 : offset + 4 + size]
        if not kind or len(raw) < size:
            break
        if COMPUTER <= kind <= DNS_FOREST:
            pairs[kind] = utf16(raw)
        offset += 4 + size
    return pairs


def _login(data: bytes) -> Login:
    (flags,) = _U32.unpack_from(data, 60) if len(data) >= 64 else (UNICODE,)
    lm, nt = _field(data, 12), _field(data, 20)
    domain, user, workstation = (_text(_field(data, at), flags) for at in (28, 36, 44))
    version = _version(data, 64) if flags & VERSION else ""
    return Login(user, domain, workstation, _method(lm, nt, user, flags), version, _hash(nt[:PROOF_SIZE] or lm))


def _method(lm: bytes, nt: bytes, user: str, flags: int) -> str:
    """The type of proof ([MS-NLMP] 3.2.5.1.2 and 3.3). Clients without a password send a user name and no proof."""
    if flags & ANONYMOUS or (not nt and (not user or not any(lm))):
        return "anonymous"
    if len(nt) > PROOF_SIZE:
        return "ntlmv2"
    if nt:
        return "ntlmv1-ess" if flags & SESSION_SECURITY and not any(lm[8:]) else "ntlmv1"
    return "lm"


def _hash(raw: bytes) -> str:
    """A hash of bytes that are only compared; empty if all are zero."""
    return hashlib.blake2b(raw, digest_size=8).hexdigest() if any(raw) else ""


def _field(data: bytes, at: int) -> bytes:
    """The bytes of a field with length and offset."""
    size, _, start = _FIELD.unpack_from(data, at)
    raw = data[start : start + size]
    if len(raw) < size:
        raise Malformed("field outside the message")
    return raw


def _version(data: bytes, at: int) -> str:
    """Major, minor and build number ([MS-NLMP] 2.2.2.10); empty if all are 0."""
    numbers = _VERSION.unpack_from(data, at)
    return ".".join(map(str, numbers)) if any(numbers) else ""


def _text(raw: bytes, flags: int) -> str:
    return utf16(raw) if flags & UNICODE else clean(raw, NAME_LIMIT)


@functools.lru_cache(maxsize=2048)
def _decoded(raw: bytes) -> str:
    # Directly, since ``decode`` looks the codec up and calls it in Python.
    return clean(codecs.utf_16_le_decode(raw, "replace", True)[0], NAME_LIMIT)


def utf16(raw: bytes) -> str:
    """Little-endian UTF-16, cleaned; an incomplete character at the end is left out."""
    return _decoded(raw[: min(len(raw) & ~1, 2 * NAME_LIMIT)])
