"""ClientHello and ServerHello of TLS, DTLS and QUIC (RFC 8446, 4.1; RFC 5246, 7.4.1; RFC 6066, 3; RFC 7301), and
fingerprints of a ClientHello.

JA3 (MD5 over version, ciphers, extensions, groups and point formats) and JA4 (as specified by its authors: transport,
version, counts, and hashes over sorted lists), both for clients only. GREASE values (RFC 8701) are ignored. The
ServerHello has a JA3S text.
"""

from __future__ import annotations

import functools
import hashlib
import struct

import msgspec

from sensor.core.reader import Malformed, Reader, clean
from sensor.dissectors._tls_codes import GREASE, WEAK

SNI, GROUPS, FORMATS, SIGNATURES, ALPN, VERSIONS = 0, 10, 11, 13, 16, 43
PRE_SHARED_KEY, ENCRYPTED_HELLO = 41, 0xFE0D
TLS_1_3 = 0x0304
READ = frozenset((SNI, GROUPS, FORMATS, SIGNATURES, ALPN, VERSIONS, ENCRYPTED_HELLO))
SESSION_AT = 34  # of a hello: the size of its session id
EXTENSIONS_LIMIT = 128
ALPN_LIMIT = 16
NAME_LIMIT = 253
# The ServerHello that requests another ClientHello (RFC 8446, 4.1.3).
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()
_PROTOCOLS = {
    0x0002: "SSL 2.0", 0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", 0x0303: "TLS 1.2", 0x0304: "TLS 1.3",
    0xFEFF: "DTLS 1.0", 0xFEFD: "DTLS 1.2", 0xFEFC: "DTLS 1.3",
}  # fmt: skip
_JA4_VERSIONS = {
    0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2", 0xFEFF: "d1", 0xFEFD: "d2",
    0xFEFC: "d3",
}  # fmt: skip
_EXTENSION = struct.Struct("!HH")
_DTLS = 0xFE00  # versions of DTLS count down from here


class ClientHello(msgspec.Struct, frozen=True, gc=False):
    """The offer of a client. ``version``: the newest; ``sni``: requested host name in lower case; ``encrypted``: it
    contains an encrypted inner hello (ECH); ``weak``: kinds of obsolete ciphers it offers.
    """

    sni: str
    alpn: tuple[str, ...]
    version: str
    ja3: str
    ja4: str
    weak: tuple[str, ...]
    encrypted: bool


class ServerHello(msgspec.Struct, frozen=True, gc=False):
    """The choice of a server. ``resumed``: it resumes an earlier session; ``retry``: it requests another ClientHello
    instead.
    """

    version: str
    cipher: int
    alpn: str
    ja3s: str
    weak: tuple[str, ...]
    resumed: bool
    retry: bool


def protocol(version: int) -> str:
    """``TLS 1.2`` for 0x0303; the number if unknown."""
    return _PROTOCOLS.get(version) or f"0x{version:04x}"


def client_hello(body: bytes, transport: str) -> ClientHello:
    """Parse the body of a ClientHello. ``transport``: t for TLS, d for DTLS, q for QUIC."""
    reader = Reader(body)
    legacy = reader.u16()
    reader.skip(32)
    reader.skip(reader.u8())
    if transport == "d" and legacy >= _DTLS:
        reader.skip(reader.u8())  # the cookie (RFC 6347, 4.2.1)
    ciphers = _numbers(reader.take(reader.u16()))
    reader.skip(reader.u8())
    kinds, held = _extensions(reader)
    get = held.get
    groups, formats = _numbers(_inner(get(GROUPS, b""), 2)), tuple(_inner(get(FORMATS, b""), 1))
    alpn = _protocols(get(ALPN, b""))
    versions = [one for one in _numbers(_inner(get(VERSIONS, b""), 1)) if one not in GREASE]
    newest = _newest(versions) if versions else legacy
    ja4 = (
        f"{transport}{_JA4_VERSIONS.get(newest, '00')}{'d' if SNI in held else 'i'}"
        f"{_ja4(ciphers, kinds, _numbers(_inner(get(SIGNATURES, b''), 2)), _ends(alpn[0]) if alpn else '00')}"
    )
    return ClientHello(
        _host(get(SNI, b"")), tuple(clean(name, 32) for name in alpn), protocol(newest),
        _ja3(legacy, ciphers, kinds, groups, formats), ja4, weak_of(ciphers),
        ENCRYPTED_HELLO in held,
    )  # fmt: skip


def old_hello(data: bytes) -> ClientHello | None:
    """Parse a ClientHello in SSL 2.0 format (RFC 5246, appendix E.2) from its record; None if it is not one. Only
    ciphers of TLS and SSL 3.0 are reported.
    """
    if len(data) < 11 or not data[0] & 0x80 or data[2] != 1:
        return None
    version, ciphers, session, challenge = struct.unpack_from("!HHHH", data, 3)
    size = (data[0] & 0x7F) << 8 | data[1]
    if (
        (version != 2 and version >> 8 != 3)
        or ciphers % 3
        or not ciphers
        or size != 9 + ciphers + session + challenge
        or not 16 <= challenge <= 32
    ):
        return None
    offered = tuple(
        data[at + 1] << 8 | data[at + 2] for at in range(11, min(11 + ciphers, len(data) - 2), 3) if not data[at]
    )
    return ClientHello("", (), protocol(version), "", "", weak_of(offered), False)


def truncated_hello(body: bytes) -> ClientHello | None:
    """Parse the host name of a truncated ClientHello, and its weak ciphers; None without a name. Newest version,
    protocols and fingerprints need the complete hello and stay empty.
    """
    reader = Reader(body)
    try:
        reader.skip(34)
        reader.skip(reader.u8())
        ciphers = _numbers(reader.take(reader.u16()))
        reader.skip(reader.u8())
        reader.skip(2)
        while True:
            kind, data = reader.u16(), reader.take(reader.u16())
            if kind == SNI:
                return ClientHello(_host(data), (), "", "", "", weak_of(ciphers), False)
    except Malformed:
        return None


def session_of(body: bytes) -> bytes:
    """The session id in the body of a hello; empty if there is none, or one that is too long (RFC 8446, 4.1.2)."""
    size = body[SESSION_AT] if len(body) > SESSION_AT else 0
    return body[SESSION_AT + 1 : SESSION_AT + 1 + size] if size <= min(32, len(body) - SESSION_AT - 1) else b""


def server_hello(body: bytes, offered: bytes = b"") -> ServerHello:
    """Parse the body of a ServerHello. ``offered``: the session id of the ClientHello. Up to TLS 1.2, a server that
    resumes a session, by id or ticket, repeats it (RFC 5246, 7.4.1.3; RFC 5077, 3.4); in TLS 1.3, where it always does,
    it selects a pre-shared key (RFC 8446, 4.2.11).
    """
    reader = Reader(body)
    legacy = reader.u16()
    retry = reader.take(32) == RETRY_RANDOM
    session = bytes(reader.take(reader.u8()))
    cipher = reader.u16()
    reader.skip(1)
    kinds, held = _extensions(reader)
    chosen = int.from_bytes(held[VERSIONS], "big") if len(held.get(VERSIONS, b"")) == 2 else legacy
    alpn = _protocols(held.get(ALPN, b""))
    ja3s = _md5(f"{legacy},{cipher},{'-'.join(map(str, kinds))}")
    resumed = PRE_SHARED_KEY in kinds if chosen == TLS_1_3 else bool(offered) and session == offered
    name = clean(alpn[0], 32) if alpn else ""
    return ServerHello(protocol(chosen), cipher, name, ja3s, weak_of((cipher,)), resumed, retry)


@functools.lru_cache(maxsize=1024)
def weak_of(ciphers: tuple[int, ...]) -> tuple[str, ...]:
    """The kinds of weak ciphers among these, in order."""
    return tuple(word for word, numbers in WEAK.items() if not numbers.isdisjoint(ciphers))


def _extensions(reader: Reader) -> tuple[tuple[int, ...], dict[int, bytes]]:
    """(types in order, type → data of its first), empty if there are none (RFC 8446, 4.2)."""
    if reader.left < 2:
        return (), {}
    data = reader.data
    at = reader.offset + 2
    end = at + reader.u16()
    if end > reader.end:
        raise Malformed("extensions longer than the hello")
    kinds: list[int] = []
    held: dict[int, bytes] = {}
    while at < end:
        if at + 4 > end or len(kinds) == EXTENSIONS_LIMIT:
            raise Malformed("too many extensions" if at + 4 <= end else "extension ends early")
        kind, size = _EXTENSION.unpack_from(data, at)
        kinds.append(kind)
        at += 4 + size
        if at > end:
            raise Malformed("extension longer than the hello")
        if kind in READ and kind not in held:
            held[kind] = data[at - size : at]
    return tuple(kinds), held


def _inner(data: bytes, wide: int) -> bytes:
    """The data after a length of ``wide`` bytes; what follows is not part of it."""
    return data[wide : wide + int.from_bytes(data[:wide], "big")]


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"!{len(data) // 2}H", data)


def _newest(versions: list[int]) -> int:
    """The newest version; those of DTLS count down (RFC 9147, 5.3)."""
    known = [one for one in versions if one in _JA4_VERSIONS] or versions
    return min(known) if min(known) >= _DTLS else max(known)


def _host(data: bytes) -> str:
    """The host name of a server name extension (RFC 6066, 3): a list in which only names of type 0 are defined."""
    names = _inner(data, 2)
    return clean(_inner(names[1:], 2), NAME_LIMIT).lower().rstrip(".") if names[:1] == b"\0" else ""


def _protocols(data: bytes) -> list[bytes]:
    """The names of an ALPN extension (RFC 7301, 3.1)."""
    listed, at = _inner(data, 2), 0
    found: list[bytes] = []
    while at < len(listed) and len(found) < ALPN_LIMIT:
        stop = at + 1 + listed[at]
        if stop > len(listed) or stop == at + 1:
            break
        found.append(listed[at + 1 : stop])
        at = stop
    return found


def _md5(raw: str) -> str:
    return hashlib.md5(raw.encode(), usedforsecurity=False).hexdigest()


@functools.lru_cache(maxsize=2048)
def _ja3(
    version: int, ciphers: tuple[int, ...], kinds: tuple[int, ...], groups: tuple[int, ...], formats: tuple[int, ...]
) -> str:
    lists = ["-".join([str(one) for one in some if one not in GREASE]) for some in (ciphers, kinds, groups)]
    return _md5(",".join((str(version), *lists, "-".join(map(str, formats)))))


@functools.lru_cache(maxsize=2048)
def _ja4(ciphers: tuple[int, ...], kinds: tuple[int, ...], signatures: tuple[int, ...], alpn: str) -> str:
    """The part of a JA4 after its first four characters."""
    known, offered = [one for one in ciphers if one not in GREASE], [one for one in kinds if one not in GREASE]
    second = _hex(sorted([one for one in offered if one not in (SNI, ALPN)]))
    if signed := _hex([one for one in signatures if one not in GREASE]):
        second += "_" + signed
    counts = f"{min(len(known), 99):02d}{min(len(offered), 99):02d}"
    return f"{counts}{alpn}_{_short(_hex(sorted(known)))}_{_short(second if offered else '')}"


def _hex(numbers: list[int]) -> str:
    """16-bit numbers as ``0005,000a``."""
    return struct.pack(f"!{len(numbers)}H", *numbers).hex(",", 2) if numbers else ""


def _short(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()[:12] if raw else "0" * 12


def _ends(name: bytes) -> str:
    """First and last character of a protocol's name, or of its hex digits if one of them is not alphanumeric."""
    first, last = name[:1], name[-1:]
    return (first + last).decode() if first.isalnum() and last.isalnum() else name.hex()[0] + name.hex()[-1]
