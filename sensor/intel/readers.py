"""Reads threat lists. A plain list has one indicator per line: an address, a CIDR block, a range ``first-last``, a
domain name (which includes its subdomains), a URL, a JA3, a JA4, or the SHA-1 or SHA-256 of a certificate; the rest of
the line is a comment: the category. Other formats are converted to plain lists first (``formats``).

``#`` and ``;`` begin comments. Defanged indicators (``1.2.3[.]4``, ``2001[:]db8::1``, ``hxxp://``) are refanged.
Invalid lines are reported with their position and skipped. Also skipped and reported are blocks so large that they must
be a mistake, and private, link-local, loopback and multicast addresses: some public lists have them, and they would
match every host of the network.
"""

from __future__ import annotations

import codecs
import csv
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.documents import DocumentErrors, Fault
from sensor.intel.formats import HEAD_LIMIT, HEADING, converted
from sensor.intel.indicator import Indicator, read_line, refanged
from sensor.intel.lookup import expiries, hash_of, name_lines, plain_lines
from sensor.intel.names import ALLOW

SIZE_LIMIT = 512 * 1024 * 1024
FAULTS_LIMIT = 100
WIDEST_V4, WIDEST_V6 = 8, 16
REMARK_LIMIT = 120
# In a URL a comment begins at a blank, elsewhere at its sign.
_COMMENT, _URL_COMMENT = lazy_pattern(r"[#;]"), lazy_pattern(r"\s[#;]")
_NETWORKS = addresses.Networks()
_RESERVED = (
    *_NETWORKS.blocks,
    *map(addresses.parse_network, ("224.0.0.0/4", "255.255.255.255", "0.0.0.0/32", "ff00::/8", "::/128")),
)
_FIRST_MASK = ipaddress.IPv4Address("255.0.0.0")
_U64, _U128 = 2**64 - 1, 2**128 - 1
# Names in hosts files follow an unroutable address.
_HOSTS = lazy_pattern(rb"(?m)^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+(?=[\w.-]*[A-Za-z])")
_SEVERAL_NAMES = lazy_pattern(rb"(?m)^(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+" + rb"\S+[ \t]+[^#\s]")
_FINGERPRINT = lazy_pattern(
    r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|(?:[0-9a-f]{2}:){19}[0-9a-f]{2}|"
    r"[tqd][0-9sd]{2}[di]\d{4}\w{2}_[0-9a-f]{12}_[0-9a-f]{12}",
    re.IGNORECASE,
)
_URL = lazy_pattern(r"https?://(\[[0-9a-f:.]+\]|[\w.-]+)(?::\d{1,5})?(/\S*)?", re.IGNORECASE)
_NAME = lazy_pattern(r"(?:\*\.)?((?:[\w-]{1,63}\.)+[^\W\d_][\w-]{1,62})")
# The first and last address of a block, or an address and its mask: what follows an address is a comment otherwise.
_PAIR = lazy_pattern(rb"(?m)^([0-9.]{7,15})[ \t]+([0-9.]{7,15})(?=[ \t\r#;]|$)")
# Some programs still end lines with CR alone.
_LONE_CR = lazy_pattern(rb"\r(?!\n)")
# A name in hosts files that every host has.
_LOCAL_NAME = b"localhost.localdomain"


@dataclass(eq=False)
class IndicatorList:
    """One parsed list: prefixes (``hi``, ``lo``, ``bits``, IPv4-mapped for IPv4), ``hashes`` of names and other texts
    (``key_of``), ``offset`` of each one's line in ``text``, prefixes first, and faults. ``compiled``: the lines are
    those of ``indicator.Indicator``; ``until``: for each the time (s) until which it is valid, 0 if not
    given, or EXCEPTION; None if no line has one.
    """

    path: Path
    text: bytes
    hi: npt.NDArray[np.uint64]
    lo: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.uint64]
    offset: npt.NDArray[np.uint32]
    compiled: bool = False
    faults: list[Fault] = field(default_factory=list)
    until: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offset)

    def forget_keys(self) -> None:
        """Free the memory of prefixes and hashes, once they are compiled."""
        self.hi = self.lo = self.hashes = np.empty(0, np.uint64)
        self.bits, self.until = np.empty(0, np.uint8), None

    def line(self, number: int) -> Indicator:
        """The line of the indicator ``number``, its value as written."""
        start = int(self.offset[number])
        stop = self.text.find(b"\n", start)
        raw = self.text[start : len(self.text) if stop < 0 else stop]
        return read_line(raw.decode("utf-8", "replace")) if self.compiled else Indicator(*_split(clean(raw)))


def read_list(path: Path) -> IndicatorList:
    """The list in a file. Raises DocumentErrors if it cannot be read or has lines but no indicator."""
    text = _bytes(path)
    if b"\0" in text[:HEAD_LIMIT]:
        raise DocumentErrors(
            [
                Fault(
                    path,
                    1,
                    1,
                    "found a binary file, expected a threat list in text: plain, CSV, JSON, hosts file or Zeek",
                )
            ]
        )
    faults = _Faults(path, text)
    try:
        made = converted(text)
    except csv.Error as error:
        raise DocumentErrors([Fault(path, 1, 1, f"cannot be read as CSV: {error}")]) from None
    compiled = made is not None or text.startswith(HEADING)
    if made is not None:
        text = made.text
        for one in made.broken:
            faults.add_at(one.line, one.message)
        faults.text, faults.numbers = text, made.numbers
    elif b"0.0.0.0" in text or b"127.0.0.1" in text:
        if _SEVERAL_NAMES.search(text):
            text, faults.numbers = _one_name_a_line(text)
        text = faults.text = _HOSTS.sub(b"", text)
    if made is None and _PAIR.search(text):
        text = faults.text = _PAIR.sub(_block_of, text)
    return _read_text(path, text, faults, compiled=compiled)


def read_again(one: IndicatorList) -> IndicatorList:
    """The original state of a list whose keys were freed."""
    again = _read_text(one.path, one.text, _Faults(one.path, one.text), compiled=one.compiled)
    again.faults = one.faults
    return again


def _read_text(path: Path, text: bytes, faults: _Faults, *, compiled: bool) -> IndicatorList:
    """The list in a plain text. Raises DocumentErrors if it has lines but no indicator."""
    data = np.frombuffer(text, np.uint8)
    hi, lo, bits, offsets, odd = plain_lines(data)
    hashes, name_offsets, odd = name_lines(data, odd)
    if (local := hashes == hash_of(_LOCAL_NAME)).any():
        for offset in name_offsets[local].tolist():
            faults.add(offset, f"{_LOCAL_NAME.decode()} is skipped: a name of every host", broken=False)
        hashes, name_offsets = hashes[~local], name_offsets[~local]
    slow: list[tuple[int, int, int]] = []
    keys: list[tuple[int, int]] = []
    for offset in odd.tolist():
        _odd_line(_written(text, offset, compiled=compiled), offset, slow, keys, faults)
    if slow:
        hi = np.concatenate((hi, np.array([first >> 64 for first, _, _ in slow], np.uint64)))
        lo = np.concatenate((lo, np.array([first & _U64 for first, _, _ in slow], np.uint64)))
        bits = np.concatenate((bits, np.array([length for _, length, _ in slow], np.uint8)))
        offsets = np.concatenate((offsets, np.array([offset for _, _, offset in slow], np.uint32)))
    left_out = _left_out(hi, lo, bits, offsets, faults)
    if left_out.any():
        hi, lo, bits, offsets = hi[~left_out], lo[~left_out], bits[~left_out], offsets[~left_out]
    hashes = np.concatenate((hashes, np.array([key for key, _ in keys], np.uint64)))
    offsets = np.concatenate((offsets, name_offsets, np.array([offset for _, offset in keys], np.uint32)))
    if not len(offsets) and faults.broken:
        first = faults.compiled()[0]
        raise DocumentErrors([Fault(path, first.line, 1, f"no valid indicator: {first.message}")])
    until = expiries(data, offsets) if compiled else None
    if until is not None and path.stem.startswith(ALLOW):
        until = np.maximum(until, 0)  # what a feed excepts is what an allow-list allows
    return IndicatorList(
        path, text if len(offsets) else b"", hi, lo, bits, hashes, offsets, compiled, faults.compiled(),
        until if until is not None and until.any() else None,
    )  # fmt: skip


def key_of(text: str) -> bytes:
    """The lookup key of a name, a hash or a URL. URLs lose scheme, port and fragment, which cleartext requests do not
    have.
    """
    url = _URL.fullmatch(text)
    if url is None or url[2] in (None, "/"):
        written = (url[1] if url else text).strip("[]").replace(":", "" if _FINGERPRINT.fullmatch(text) else ":")
        return _in_ascii(written.lower())
    return _in_ascii(url[1].lower()) + url[2].partition("#")[0].encode()


def _in_ascii(host: str) -> bytes:
    """A name as packets contain it: letters beyond ASCII are encoded (RFC 3490)."""
    if host.isascii():
        return host.encode()
    try:
        return host.encode("idna")
    except UnicodeError:
        return host.encode()


class _Faults:
    """Faults of lines, at most 100 of them; the rest as a number."""

    def __init__(self, path: Path, text: bytes) -> None:
        """``text``: text in which lines are counted; ``numbers``: line numbers in the file, if that is another text."""
        self.path, self.text = path, text
        self.numbers: list[int] = []
        self.broken = 0
        self._count = 0
        self._kept: list[Fault] = []

    def add(self, offset: int, message: str, *, broken: bool = True) -> None:
        """Add a fault of the line at ``offset``. ``broken``: the line is invalid, not only skipped."""
        line = self.text.count(b"\n", 0, offset) + 1 if len(self._kept) < FAULTS_LIMIT else 0
        self.add_at(self.numbers[line - 1] if self.numbers and line else line, message, broken=broken)

    def add_at(self, line: int, message: str, *, broken: bool = True) -> None:
        """Add a fault of a line by its number."""
        self.broken += broken
        self._count += 1
        if len(self._kept) < FAULTS_LIMIT:
            self._kept.append(Fault(self.path, line, 1, message))

    def compiled(self) -> list[Fault]:
        more = self._count - len(self._kept)
        kept = sorted(self._kept)
        return [*kept, Fault(self.path, kept[-1].line, 1, f"and {more} more")] if more else kept


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise DocumentErrors([Fault(path, 1, 1, f"{path.stat().st_size} bytes, at most {SIZE_LIMIT} are read")])
        raw = path.read_bytes()
    except OSError as error:
        raise DocumentErrors([Fault(path, 1, 1, f"cannot be read: {error.strerror}")]) from None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # files of PowerShell and Excel
        raw = raw.decode("utf-16", "replace").encode()
    raw = raw.removeprefix(codecs.BOM_UTF8)
    return _LONE_CR.sub(b"\n", raw) if b"\r" in raw else raw


def _left_out(
    hi: npt.NDArray[np.uint64],
    lo: npt.NDArray[np.uint64],
    bits: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.uint32],
    faults: _Faults,
) -> npt.NDArray[np.bool_]:
    """Which prefixes are too large or reserved."""
    short = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF) & (bits >= 96)
    wide = np.where(short, bits < 96 + WIDEST_V4, bits < WIDEST_V6)
    reserved = np.zeros(len(hi), bool)
    for first, last in _RESERVED:
        same = _U128 ^ first ^ last
        reserved |= (
            (hi & np.uint64(same >> 64) == np.uint64(first >> 64))
            & (lo & np.uint64(same & _U64) == np.uint64(first & _U64))
            & (bits >= same.bit_count())
        )
    for i in np.flatnonzero(wide | reserved).tolist():
        size = int(bits[i]) - (96 if short[i] else 0)
        why = "private, local or multicast" if reserved[i] else f"wider than /{WIDEST_V4 if short[i] else WIDEST_V6}"
        faults.add(
            int(offsets[i]), f"{addresses.text(int(hi[i]) << 64 | int(lo[i]))}/{size} is skipped: {why}", broken=False
        )
    return wide | reserved


def _written(text: bytes, offset: int, *, compiled: bool) -> str:
    """The indicator on a line, as written."""
    stop = text.find(b"\n", offset)
    line = text[offset : len(text) if stop < 0 else stop].decode("utf-8", "replace")
    return line.partition("\t")[0] if compiled else _split(line)[0]


def _odd_line(
    written: str, offset: int, slow: list[tuple[int, int, int]], keys: list[tuple[int, int]], faults: _Faults
) -> None:
    """Parse a line that the fast readers skipped: blocks as (first address, bits, offset), names and other texts as
    (hash, offset).
    """
    meant = refanged(written)
    url = _URL.fullmatch(meant)
    name = _NAME.fullmatch(meant)
    if url is not None and url[2] in (None, "/"):
        meant = url[1].strip("[]")
    elif url is not None or name is not None or _FINGERPRINT.fullmatch(meant):
        keys.append((hash_of(key_of(name[1] if name else meant)), offset))
        return
    try:
        networks = list(_networks(meant))
    except ValueError:
        if (name := _NAME.fullmatch(meant)) is not None:
            keys.append((hash_of(key_of(name[1])), offset))
        else:
            faults.add(
                offset,
                (
                    f"found {clean(written, 60)!r}, expected an address, a CIDR block, a range first-last, a "
                    "domain, a URL or a hash"
                ),
            )
        return
    for network in networks:
        base, shift = (addresses.V4, 96) if network.version == 4 else (0, 0)
        slow.append((base | int(network.network_address), network.prefixlen + shift, offset))


def _networks(written: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The blocks of an address, a CIDR block or a range. Raises ValueError otherwise."""
    first, dash, last = written.partition("-")
    if not dash:
        yield ipaddress.ip_network(written, strict=False)
        return
    low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
    if low.version != high.version:
        raise ValueError("a range that mixes IPv4 and IPv6")
    yield from ipaddress.summarize_address_range(low, high)


def _one_name_a_line(text: bytes) -> tuple[bytes, list[int]]:
    """A hosts file with a line for each name, and their line numbers in the file."""
    lines: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(text.split(b"\n"), 1):
        address, *names = line.partition(b"#")[0].split() if _HOSTS.match(line) else [b""]
        found = [address + b" " + name for name in names] or [line]
        lines += found
        numbers += [number] * len(found)
    return b"\n".join(lines), numbers


def _block_of(pair: re.Match[bytes]) -> bytes:
    """Two addresses as one block, if they are the first and last of one, or an address and its mask."""
    try:
        first, second = (ipaddress.IPv4Address(text.decode()) for text in pair.groups())
        if second >= _FIRST_MASK:
            return str(ipaddress.IPv4Network(f"{first}/{second}", strict=False)).encode()
        [block] = ipaddress.summarize_address_range(first, second)
    except ValueError:
        return pair[0]
    return str(block).encode()


def _split(line: str) -> tuple[str, str]:
    """A line as (indicator, comment)."""
    sign = (_URL_COMMENT if line.lstrip()[:4].lower() in {"http", "hxxp"} else _COMMENT).search(line)
    cut = sign.start() if sign else len(line)
    words, remark = line[:cut].split(), line[cut:].lstrip("#; \t")
    if len(words) > 2 and words[1] == "-":
        taken = 3
    elif len(words) > 1 and (words[1].startswith("-") or words[0].endswith("-")):
        taken = 2
    else:
        taken = 1
    return "".join(words[:taken]), clean(" ".join((*words[taken:], remark)), REMARK_LIMIT)
