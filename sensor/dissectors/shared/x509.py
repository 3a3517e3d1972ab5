"""X.509 certificates (RFC 5280): subject, issuer, validity and key. Signatures are not checked.

Reads names, validity, the public key's type and size and the alternative names; other extensions are skipped.
"""

from __future__ import annotations

import functools
import hashlib

import msgspec

from sensor.core.addresses import text as address_text
from sensor.core.addresses import v4
from sensor.core.reader import Malformed, clean
from sensor.dissectors.shared import der

NAME_LIMIT = 128
ALTERNATIVES_LIMIT = 32
EXTENSIONS_LIMIT = 32
_VERSION, _EXTENSIONS, _DNS, _URI, _ADDRESS = 0xA0, 0xA3, 0x82, 0x86, 0x87
_TIMES = (der.UTC_TIME, der.GENERALIZED_TIME)
_ALTERNATIVES = "2.5.29.17"
# Attributes of names (RFC 4519, 2) in their usual notation and in a fixed order, because vendors use any. Others do not
# identify devices.
_ATTRIBUTES = {
    "2.5.4.3": "CN", "2.5.4.11": "OU", "2.5.4.10": "O", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.6": "C",
    "2.5.4.5": "serialNumber", "1.2.840.113549.1.9.1": "emailAddress",
}  # fmt: skip
_PLACES = {word: place for place, word in enumerate(_ATTRIBUTES.values())}
_RSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10045.2.1"
_KEYS = {_RSA: "rsa", _EC: "ec", "1.2.840.10040.4.1": "dsa", "1.3.101.112": "ed25519", "1.3.101.113": "ed448"}
_BITS = {"ed25519": 256, "ed448": 448}
_CURVES = {
    "1.2.840.10045.3.1.1": 192, "1.2.840.10045.3.1.7": 256, "1.3.132.0.33": 224, "1.3.132.0.34": 384,
    "1.3.132.0.35": 521, "1.3.132.0.10": 256,
    "1.3.36.3.3.2.8.1.1.7": 256, "1.3.36.3.3.2.8.1.1.11": 384, "1.3.36.3.3.2.8.1.1.13": 512,
}  # fmt: skip


class Certificate(msgspec.Struct, frozen=True, gc=False):
    """The parsed part of a certificate. ``subject`` and ``issuer``: ``CN=a, OU=b, …`` in a fixed order;
    ``common_name``, ``organisation``, ``unit``: of the subject. ``names``: alternative DNS names and addresses;
    ``uri``: the first alternative URI. Times are seconds since 1970. ``self_signed``: subject and issuer are the same
    name, not empty. ``key``: rsa, ec, dsa, ed25519, ed448 or empty, with ``key_bits`` (0 unknown). Fingerprints are
    lower-case hex.
    """

    subject: str
    issuer: str
    common_name: str
    organisation: str
    unit: str
    names: tuple[str, ...]
    not_before: int
    not_after: int
    self_signed: bool
    key: str
    key_bits: int
    sha1: str
    sha256: str
    uri: str = ""


def _read(data: bytes) -> Certificate:
    """The certificate in these bytes. Raises Malformed if it is invalid."""
    outer = der.expect(data, 0, None, der.SEQUENCE)
    body = der.expect(data, outer.start, outer.stop, der.SEQUENCE)
    fields = list(der.children(data, body))
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    if len(fields) < 6 or any(field.tag != der.SEQUENCE for field in fields[1:6]):
        raise Malformed("not a certificate")
    _, _, issuer, validity, subject, key = fields[:6]
    times = [
        der.unix_time(time.tag, der.content(data, time)) for time in der.children(data, validity) if time.tag in _TIMES
    ]
    if len(times) != 2:
        raise Malformed("certificate without a validity")
    subject_name, of = _name(data, subject), dict(reversed(_name(data, subject)))
    kind, bits = _key(data, key)
    names, uris = _alternatives(data, next((field for field in fields[6:] if field.tag == _EXTENSIONS), None))
    return Certificate(
        subject=_written(subject_name),
        issuer=_written(_name(data, issuer)),
        common_name=of.get("CN", ""),
        organisation=of.get("O", ""),
        unit=of.get("OU", ""),
        names=names,
        not_before=times[0],
        not_after=times[1],
        self_signed=subject.stop > subject.start and der.content(data, subject) == der.content(data, issuer),
        key=kind,
        key_bits=bits,
        sha1=hashlib.sha1(data[: outer.stop], usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(data[: outer.stop]).hexdigest(),
        uri=next(iter(uris), ""),
    )


# A server presents the same certificate to every client.
read = functools.lru_cache(maxsize=256)(_read)


def _name(data: bytes, name: der.Element) -> list[tuple[str, str]]:
    """(attribute, value) of a distinguished name, for known attributes."""
    found = []
    for group in der.children(data, name):
        for pair in der.children(data, group):
            kind = der.expect(data, pair.start, pair.stop, der.OID)
            word = _ATTRIBUTES.get(der.oid(der.content(data, kind)))
            if word:
                value = der.element(data, kind.stop, pair.stop)
                found.append((word, der.text(value.tag, der.content(data, value), NAME_LIMIT)))
    return [(word, value) for word, value in found if value]


def _written(name: list[tuple[str, str]]) -> str:
    return clean(", ".join(f"{word}={value}" for word, value in sorted(name, key=lambda pair: _PLACES[pair[0]])))


def _key(data: bytes, key: der.Element) -> tuple[str, int]:
    """(type, bits) of a public key (RFC 3279, 2.3; RFC 5480)."""
    algorithm = der.expect(data, key.start, key.stop, der.SEQUENCE)
    which = der.expect(data, algorithm.start, algorithm.stop, der.OID)
    kind = _KEYS.get(der.oid(der.content(data, which)), "")
    if kind == "ec" and which.stop < algorithm.stop:
        curve = der.element(data, which.stop, algorithm.stop)
        return kind, _CURVES.get(der.oid(der.content(data, curve)), 0) if curve.tag == der.OID else 0
    if kind == "rsa":
        bits = der.expect(data, algorithm.stop, key.stop, der.BIT_STRING)
        numbers = der.expect(data, bits.start + 1, bits.stop, der.SEQUENCE)  # the first byte counts unused bits
        modulus = der.expect(data, numbers.start, numbers.stop, der.INTEGER)
        return kind, der.integer(der.content(data, modulus)).bit_length()
    return kind, _BITS.get(kind, 0)


def _alternatives(data: bytes, extensions: der.Element | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """DNS names and addresses of the subject (RFC 5280, 4.2.1.6), and its URIs."""
    if extensions is None:
        return (), ()
    listed = der.expect(data, extensions.start, extensions.stop, der.SEQUENCE)
    names: list[str] = []
    uris: list[str] = []
    for count, extension in enumerate(der.children(data, listed)):
        if count == EXTENSIONS_LIMIT:
            break
        which = der.expect(data, extension.start, extension.stop, der.OID)
        if der.oid(der.content(data, which)) != _ALTERNATIVES:
            continue
        *_, value = der.children(data, extension)
        for name in der.children(data, der.expect(data, value.start, value.stop, der.SEQUENCE)):
            raw = der.content(data, name)
            if name.tag == _DNS:
                names.append(clean(raw, NAME_LIMIT))
            elif name.tag == _URI:
                uris.append(clean(raw, NAME_LIMIT))
            elif name.tag == _ADDRESS and len(raw) in (4, 16):
                number = int.from_bytes(raw, "big")
                names.append(address_text(v4(number) if len(raw) == 4 else number))
    return tuple(filter(None, names))[:ALTERNATIVES_LIMIT], tuple(filter(None, uris))[:ALTERNATIVES_LIMIT]
