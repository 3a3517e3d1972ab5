"""Arguments of RPC calls (NDR, C706 14; NDR64, [MS-RPCE] 2.2.5): texts at any position, and a few values of
some calls.
"""

from __future__ import annotations

import functools
import struct
import uuid

from sensor.core.reader import clean
from sensor.dissectors._rpc_interfaces import class_name, interface

STUB_LIMIT = 2048  # bytes of arguments that are searched for texts
TEXTS_LIMIT = 12
TEXT_LIMIT = 256
LENGTH_LIMIT = 32768  # characters of a text
_U16, _U32 = struct.Struct("<H"), struct.Struct("<I")
# RPC_UNICODE_STRING: length, maximum length, reference to the characters.
_NAME, _NAME_64 = struct.Struct("<HHI"), struct.Struct("<HH4xQ")
_WORDS, _LONGS = struct.Struct("<III"), struct.Struct("<QQQ")
# Activation properties ([MS-DCOM] 2.2.22): the enclosing object reference, and the header of each serialized part.
_MEOW = b"MEOW\x04\0\0\0\xa2\1\0\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"
_SERIALIZED = b"\1\x10\x08\0\xcc\xcc\xcc\xcc"
_INSTANTIATION = uuid.UUID("000001ab-0000-0000-c000-000000000046").bytes_le
_PROPERTIES_LIMIT = 16
_ORPC_THIS = 32
# A UNC path, and the size of a server name longer than any in DNS.
_UNC, _SERVER = b"\\\0\\\0", 512
# Floors of a tower (C706, appendix L): an interface, a TCP port.
_FLOOR, _PORT = b"\x13\0\x0d", b"\1\0\x07\2\0"

Facts = tuple[tuple[str, str], ...]


def texts(stub: bytes) -> tuple[str, ...]:
    """Texts in arguments: conformant and varying strings of wide or narrow characters, and BSTRs; other data is
    skipped.
    """
    found: list[str] = []
    at, stop = 0, min(len(stub), STUB_LIMIT) - 16
    while at <= stop and len(found) < TEXTS_LIMIT:
        text, end = _text(stub, at)
        if text:
            found.append(text)
            at = end + 3 & ~3
        else:
            at += 4
    return tuple(found)


def _text(stub: bytes, at: int) -> tuple[str, int]:
    """The text whose sizes begin here, and its end."""
    most, offset, actual = _WORDS.unpack_from(stub, at)
    if not 0 < most <= LENGTH_LIMIT:
        return "", 0
    if not offset and 0 < actual <= most:
        return _characters(stub, at + 12, actual)
    if offset == 2 * most and actual == most:  # BSTR: characters, bytes, characters
        return _wide(stub, at + 12, actual, ended=False)
    if not offset and not actual and at + 24 <= len(stub):
        most, offset, actual = _LONGS.unpack_from(stub, at)
        if not offset and 0 < actual <= most <= LENGTH_LIMIT:
            return _characters(stub, at + 24, actual)
    return "", 0


def _characters(stub: bytes, at: int, count: int) -> tuple[str, int]:
    text, end = _wide(stub, at, count, ended=True)
    if text:
        return text, end
    raw = stub[at : at + count]
    if (
        len(raw) > 2
        and raw[-1:] == b"\0"
        and raw[:-1].isascii()
        and 0 not in raw[:-1]
        and raw[:-1].decode("ascii").isprintable()
    ):
        return clean(raw[:-1], TEXT_LIMIT), at + count
    return "", 0


def _wide(stub: bytes, at: int, count: int, *, ended: bool) -> tuple[str, int]:
    """Wide characters. They are text if none but the last, which may be missing, is zero or unprintable."""
    raw = stub[at : at + 2 * min(count, TEXT_LIMIT)]
    if len(raw) < 4 or (
        ended and count <= TEXT_LIMIT and len(raw) == 2 * count and raw[-2:] != b"\0\0" and len(raw) < 6
    ):
        return "", 0
    text = raw[: len(raw) & ~1].decode("utf-16-le", "replace").removesuffix("\0")
    if not text or "\0" in text or "\ufffd" in text or not all(c.isprintable() or c in "\r\n\t" for c in text):
        return "", 0
    return clean(text, TEXT_LIMIT), at + 2 * count


def activated(stub: bytes) -> str:
    """The COM class in an activation; empty if absent."""
    start = stub.find(_MEOW)
    at = stub.find(_SERIALIZED, start) if start >= 0 else -1
    if at < 0 or at + 80 > len(stub):
        return ""
    head_size, count = _U32.unpack_from(stub, at + 20)[0], _U32.unpack_from(stub, at + 64)[0]
    sizes = at + 68 + 16 * count + 4
    if not 0 < count <= _PROPERTIES_LIMIT or sizes + 4 * count > len(stub):
        return ""
    part = at + head_size
    for number in range(count):
        kind = stub[at + 68 + 16 * number : at + 84 + 16 * number]
        if kind == _INSTANTIATION and part + 32 <= len(stub):
            return class_name(stub[part + 16 : part + 32])
        part += _U32.unpack_from(stub, sizes + 4 * number)[0]
    return ""


def is_activation(stub: bytes) -> bool:
    """Whether arguments are those of an activation, whatever the interface."""
    return _MEOW in stub[:256]


def _class(stub: bytes) -> Facts:
    name = activated(stub)
    return (("class", name),) * bool(name) + _overlong(stub)


def _old_class(stub: bytes) -> Facts:
    named = (("class", class_name(stub[_ORPC_THIS : _ORPC_THIS + 16])),) if len(stub) >= _ORPC_THIS + 16 else ()
    return named + _overlong(stub)


def _overlong(stub: bytes) -> Facts:
    """A path whose server name is longer than any computer's: no wide backslash, and no end, in ``_SERVER`` bytes after
    the first two.
    """
    start = stub.find(_UNC)
    name = stub[start + len(_UNC) : start + len(_UNC) + _SERVER]
    long = (
        start >= 0
        and len(name) == _SERVER
        and all(name[at : at + 2] not in (b"\\\0", b"\0\0") for at in range(0, _SERVER, 2))
    )
    return (("path", "overlong"),) if long else ()


def _challenge(stub: bytes) -> Facts:
    """The client's challenge is at the end ([MS-NRPC] 3.5.4.4.1); one with equal bytes is an exploit."""
    return (("challenge", "zero"),) if len(stub) >= 24 and len(set(stub[-8:])) == 1 else ()


def _credential(stub: bytes) -> Facts:
    """The client's credential, then flags, aligned to four bytes."""
    return (("credential", "zero"),) if len(stub) >= 32 and not any(stub[-12:-4]) else ()


def _old_credential(stub: bytes) -> Facts:
    """The same without flags."""
    return (("credential", "zero"),) if len(stub) >= 32 and not any(stub[-8:]) else ()


@functools.lru_cache(maxsize=1024)
def _looked_up(raw: bytes, major: int) -> str:
    return interface(raw, major).name


def tower(stub: bytes) -> str:
    """The interface of a tower, empty if absent."""
    at = stub.find(_FLOOR)
    return (
        _looked_up(stub[at + 3 : at + 19], _U16.unpack_from(stub, at + 19)[0])
        if at >= 0 and at + 21 <= len(stub)
        else ""
    )


def port(stub: bytes) -> int:
    """The TCP port of a tower, 0 if absent."""
    at = stub.find(_PORT)
    return stub[at + 5] << 8 | stub[at + 6] if at >= 0 and at + 7 <= len(stub) else 0


def _mapped(stub: bytes) -> Facts:
    name = tower(stub)
    return (("interface", name),) if name else ()


def _event_source(stub: bytes) -> Facts:
    """Names of ElfrRegisterEventSourceW that no client sends ([MS-EVEN] 3.1.4.5): one with a length and no characters,
    or a module that is not empty.
    """
    wide = stub[4:8] == bytes(4)  # NDR64: references of 8 bytes
    name, step = (_NAME_64, 8) if wide else (_NAME, 4)
    try:
        at = _behind_string(stub, step, wide) if _U32.unpack_from(stub)[0] else step
        for module in (False, True):
            length, most, characters = name.unpack_from(stub, at)
            if ((length or most) and not characters) or (module and length):
                return (("event_source", "malformed"),)
            at = _behind_string(stub, at + name.size, wide) if characters else at + name.size
    except struct.error:
        pass
    return ()


def _behind_string(stub: bytes, at: int, wide: bool) -> int:
    """The aligned end of a conformant and varying string of wide characters."""
    sizes, step = (_LONGS, 8) if wide else (_WORDS, 4)
    actual: int = sizes.unpack_from(stub, at)[2]
    return -(-(at + sizes.size + 2 * actual) // step) * step


# Further values that are read, by call.
READERS = {
    ("ISystemActivator", 3): _class, ("ISystemActivator", 4): _class, ("IActivation", 0): _old_class,
    ("netlogon", 4): _challenge, ("netlogon", 5): _old_credential, ("netlogon", 15): _credential,
    ("netlogon", 26): _credential, ("epm", 3): _mapped, ("eventlog", 8): _event_source,
}  # fmt: skip
