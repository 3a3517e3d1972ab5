"""Reads threat lists. A plain list has one address, CIDR block or range ``first-last`` a line; what follows it on the line is a remark: the category.

``#`` and ``;`` begin comments. Defanged addresses (``1.2.3[.]4``, ``2001[:]db8::1``) are taken as meant. A line that is none of this is reported with its
place and the rest loads. Left out, and reported, are blocks so wide that they can only be a mistake, and private, link-local, loopback and multicast
addresses: public lists carry some, and every host of the network would be one of them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sensor.core import addresses
from sensor.core.reader import clean
from sensor.documents import DocumentErrors, Fault
from sensor.intel.lookup import plain_lines

SIZE_LIMIT = 512 * 1024 * 1024
FAULTS_LIMIT = 100
WIDEST_V4, WIDEST_V6 = 8, 16
REMARK_LIMIT = 120
_COMMENT = ("#", ";")
_NETWORKS = addresses.Networks()
_RESERVED = (*_NETWORKS.blocks, *map(addresses.parse_network, ("224.0.0.0/4", "255.255.255.255", "0.0.0.0/32", "ff00::/8", "::/128")))
_U64, _U128 = 2**64 - 1, 2**128 - 1


@dataclass
class AddressList:
    """One list as read: prefixes (``hi``, ``lo``, ``bits``, IPv4-mapped for IPv4), ``offset`` of each one's line in ``text``, and what was wrong."""

    path: Path
    text: bytes
    hi: npt.NDArray[np.uint64]
    lo: npt.NDArray[np.uint64]
    bits: npt.NDArray[np.uint8]
    offset: npt.NDArray[np.uint32]
    faults: list[Fault] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.offset)

    def forget_prefixes(self) -> None:
        """Give back the memory of the prefixes, once they are compiled."""
        self.hi = self.lo = np.empty(0, np.uint64)
        self.bits = np.empty(0, np.uint8)

    def line(self, number: int) -> tuple[str, str]:
        """(what is listed as written, remark) of the line that the prefix ``number`` came from."""
        start = int(self.offset[number])
        stop = self.text.find(b"\n", start)
        return _split(clean(self.text[start : len(self.text) if stop < 0 else stop]))


def read_plain(path: Path) -> AddressList:
    """The list in a file. DocumentErrors where it cannot be read or holds lines but not one address."""
    text = _bytes(path)
    hi, lo, bits, offsets, odd = plain_lines(np.frombuffer(text, np.uint8))
    faults = _Faults(path, text)
    slow = [entry for offset in odd.tolist() for entry in _odd_line(text, offset, faults)]
    if slow:
        hi = np.concatenate((hi, np.array([first >> 64 for first, _, _ in slow], np.uint64)))
        lo = np.concatenate((lo, np.array([first & _U64 for first, _, _ in slow], np.uint64)))
        bits = np.concatenate((bits, np.array([length for _, length, _ in slow], np.uint8)))
        offsets = np.concatenate((offsets, np.array([offset for _, _, offset in slow], np.uint32)))
    left_out = _left_out(hi, lo, bits, offsets, faults)
    if left_out.any():
        hi, lo, bits, offsets = hi[~left_out], lo[~left_out], bits[~left_out], offsets[~left_out]
    if not len(lo) and faults.broken:
        raise DocumentErrors([Fault(path, 1, 1, "not one address in it, expected an address, a CIDR block or a range first-last a line"), *faults.told()[:3]])
    return AddressList(path, text if len(lo) else b"", hi, lo, bits, offsets, faults.told())


class _Faults:
    """What was wrong with lines, at most 100 of them; the rest as a number."""

    def __init__(self, path: Path, text: bytes) -> None:
        self.path, self.text = path, text
        self.broken = 0
        self._count = 0
        self._kept: list[Fault] = []

    def add(self, offset: int, message: str, *, broken: bool = True) -> None:
        """A fault of the line at ``offset``. ``broken``: it could not be read at all."""
        self.broken += broken
        self._count += 1
        if len(self._kept) < FAULTS_LIMIT:
            self._kept.append(Fault(self.path, self.text.count(b"\n", 0, offset) + 1, 1, message))

    def told(self) -> list[Fault]:
        more = self._count - len(self._kept)
        kept = sorted(self._kept)
        return [*kept, Fault(self.path, kept[-1].line, 1, f"and {more} more")] if more else kept


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise DocumentErrors([Fault(path, 1, 1, f"{path.stat().st_size} bytes, at most {SIZE_LIMIT} are read")])
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DocumentErrors([Fault(path, 1, 1, f"cannot be read: {error.strerror}")]) from None


def _left_out(
    hi: npt.NDArray[np.uint64], lo: npt.NDArray[np.uint64], bits: npt.NDArray[np.uint8], offsets: npt.NDArray[np.uint32], faults: _Faults
) -> npt.NDArray[np.bool_]:
    """Which prefixes are too wide or reserved."""
    short = (hi == 0) & (lo >> np.uint64(32) == 0xFFFF) & (bits >= 96)
    wide = np.where(short, bits < 96 + WIDEST_V4, bits < WIDEST_V6)
    reserved = np.zeros(len(hi), bool)
    for first, last in _RESERVED:
        same = _U128 ^ first ^ last
        reserved |= (
            (hi & np.uint64(same >> 64) == np.uint64(first >> 64)) & (lo & np.uint64(same & _U64) == np.uint64(first & _U64)) & (bits >= same.bit_count())
        )
    for i in np.flatnonzero(wide | reserved).tolist():
        size = int(bits[i]) - (96 if short[i] else 0)
        why = "private, local or multicast" if reserved[i] else f"wider than /{WIDEST_V4 if short[i] else WIDEST_V6}"
        faults.add(int(offsets[i]), f"{addresses.text(int(hi[i]) << 64 | int(lo[i]))}/{size} is left out: {why}", broken=False)
    return wide | reserved


def _odd_line(text: bytes, offset: int, faults: _Faults) -> Iterator[tuple[int, int, int]]:
    """(first address, bits, offset) of the blocks of a line that the fast reader left: ranges and defanged addresses."""
    stop = text.find(b"\n", offset)
    written, _ = _split(text[offset : len(text) if stop < 0 else stop].decode("utf-8", "replace"))
    try:
        networks = list(_networks(written.replace("(", "").replace(")", "").replace("[", "").replace("]", "")))
    except ValueError:
        faults.add(offset, f"found {clean(written, 60)!r}, expected an address, a CIDR block or a range first-last")
        return
    for network in networks:
        base, shift = (addresses.V4, 96) if network.version == 4 else (0, 0)
        yield base | int(network.network_address), network.prefixlen + shift, offset


def _networks(written: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """The blocks of an address, a CIDR block or a range. ValueError where it is none."""
    first, dash, last = written.partition("-")
    if not dash:
        yield ipaddress.ip_network(written, strict=False)
        return
    low, high = ipaddress.ip_address(first.strip()), ipaddress.ip_address(last.strip())
    if low.version != high.version:
        raise ValueError("a range from one family to the other")
    yield from ipaddress.summarize_address_range(low, high)


def _split(line: str) -> tuple[str, str]:
    """A line as (what is listed, remark)."""
    cut = min((at for sign in _COMMENT if (at := line.find(sign)) >= 0), default=len(line))
    words, remark = line[:cut].split(), line[cut:].lstrip("#; \t")
    taken = 3 if len(words) > 2 and words[1] == "-" else 2 if len(words) > 1 and (words[1].startswith("-") or words[0].endswith("-")) else 1
    return "".join(words[:taken]), clean(" ".join((*words[taken:], remark)), REMARK_LIMIT)
