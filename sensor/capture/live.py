"""Packets from live interfaces: one source over one or more rings.

Blocks of several rings are merged by the time of their first frame, with a limited wait for rings without data. Within
a block, the kernel's order is kept. While the link is silent, empty batches are returned so that the reader can check
the time; ``stop`` may be called from a signal handler or another thread and wakes the reader at once.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from sensor.capture import bpf as filters
from sensor.capture.interfaces import AT_LINK, RAW, hardware_of, link_of, list_interfaces, valid_name
from sensor.capture.packet_ring import RETIRE_MS, Fanout, NoRing, PacketRing, Shape
from sensor.capture.portable import PortableRing
from sensor.capture.privileges import drop_privileges, privileged_threads
from sensor.capture.ring_size import USUAL, size_for, speed_of
from sensor.capture.source import CaptureError, Damage, InvalidArguments, Tally
from sensor.core.batch import ROW, Batch

Ring = PacketRing | PortableRing

QUIET = 0.25
"""Seconds without a frame after which an empty batch is returned."""

CHECK_EVERY_S = 0.25
"""Seconds between two checks of the interfaces and the kernel's counters."""

LATE_MS = 3
"""Milliseconds to wait for a ring whose blocks are all in use by readers, or for blocks of another ring: poll reports
such a ring as readable.
"""

MERGE_NS = (RETIRE_MS + 20) * 1_000_000
"""Age in ns at which a block is returned without waiting for rings that have no data: each ring delivers blocks
within ``RETIRE_MS``.
"""

DRAIN = 0.4
"""Seconds that a stop may take to read the rings empty."""

MANY_BLOCKS = 64
BLOCK_KIB = 256
"""Small, so that a slow link, which fills no block, does not use up the ring; large enough for frames merged by
offloads.
"""

WHOLE_FRAME = 262144
"""A snapshot length of 65535 or more means whole frames, including those merged by offloads."""

MAX_FANOUT = 64
DAMAGE_LIMIT = 1000


class LiveSource:
    """Several rings as one source. Row column ``source`` is the index of the interface in ``names``; ``sizes``: sizes
    of the rings and the reason, as text.
    """

    def __init__(self, names: Sequence[str], rings: Sequence[Ring], sizes: str = "") -> None:
        self.names = tuple(names)
        self.name, self.sizes = ", ".join(names), sizes
        self.tally = Tally()
        self.damages: list[Damage] = []
        self.rings = tuple(rings)
        self._reported: dict[Ring, str] = {}
        self._stopped = False
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._pause = select.poll()
        self._pause.register(self._woken, select.POLLIN)
        self._poll = self._polling()
        self._closed = False

    def batches(self) -> Iterator[Batch]:
        """Batches until ``stop``; frames that are in the rings at that time are still returned. Empty batches while the
        link is silent.
        """
        last = checked = 0.0
        most = MANY_BLOCKS if len(self.rings) == 1 else 1
        while not self._stopped:
            now = time.monotonic()
            if now - checked >= CHECK_EVERY_S:
                self._check_interfaces()
                checked = now
            batch = self._next(most)
            if batch is not None:
                last = now
                yield batch
            elif now - last >= QUIET:
                last = now
                yield Batch(np.zeros(0, np.uint8), np.zeros(0, ROW))
            else:
                self._wait()
        yield from self._rest(most)
        self._check_interfaces()

    def backlog(self) -> float:
        """The backlog of the fullest ring."""
        return max(ring.backlog() for ring in self.rings)

    def stop(self) -> None:
        """End ``batches`` soon. Safe in a signal handler and from any thread."""
        self._stopped = True
        with contextlib.suppress(OSError):
            os.write(self._waker, b"\0")

    def close(self) -> None:
        """Close the rings; batches in use stay readable. Unread frames are treated as dropped."""
        if self._closed:
            return
        self._closed = True
        self._check_interfaces(final=True)
        for ring in self.rings:
            ring.close()
        os.close(self._waker)
        os.close(self._woken)

    def _next(self, most: int) -> Batch | None:
        ring = self._oldest()
        batch = None if ring is None else ring.take(most)
        if batch is not None:
            self.tally.add(batch.rows)
        return batch

    def _oldest(self) -> Ring | None:
        """The ring to read next; None if there is no data, or another ring may still have an older block."""
        ready = [ring for ring in self.rings if ring.ready()]
        if not ready:
            return None
        first = min(ready, key=lambda ring: ring.times()[0]) if len(ready) > 1 else ready[0]
        if len(ready) == len(self.rings) or self._stopped or first.crowded():
            return first
        age = time.time_ns() - first.times()[1]
        return None if 0 <= age < MERGE_NS else first

    def _wait(self) -> None:
        events = self._poll.poll(int(QUIET * 1000))
        if any(event & ~select.POLLIN for _, event in events):  # an interface went down or disappeared
            self._follow()
        if events and self._oldest() is None:
            self._pause.poll(LATE_MS)

    def _rest(self, most: int) -> Iterator[Batch]:
        """After a stop: block further frames, and return those that the kernel has counted as received."""
        for ring in self.rings:
            ring.mute()
        end = time.monotonic() + DRAIN
        while True:
            batch = self._next(most)
            if batch is not None:
                yield batch
                continue
            if time.monotonic() > end or all(one.all_read() for one in self.rings):
                return
            time.sleep(LATE_MS / 1000)

    def _check_interfaces(self, *, final: bool = False) -> None:
        """Check for interfaces that appear or disappear, and update the kernel's counters."""
        if not final:
            self._follow()
        dropped = dict.fromkeys(self.names, 0)
        for ring in self.rings:
            with contextlib.suppress(OSError):
                ring.count()
            lost = ring.dropped + ring.broken
            if final:
                lost += max(0, ring.received - ring.read - ring.broken)
            dropped[ring.name] += lost
        self.tally.dropped.update(dropped)

    def _follow(self) -> None:
        for ring in self.rings:
            found = ring.follow()
            problem = ring.problem or ("" if found else "the interface does not exist; waiting for it")
            if problem and self._reported.get(ring) != problem:
                self.damaged(ring.name, problem)
            self._reported[ring] = problem
        self._poll = self._polling()

    def damaged(self, name: str, what: str) -> None:
        """Report a fault of an interface; the number of reports is limited, for interfaces that keep flapping."""
        if len(self.damages) < DAMAGE_LIMIT:
            self.damages.append(Damage(name, 0, what, "interface"))

    def _polling(self) -> select.poll:
        poll = select.poll()
        for descriptor in (self._woken, *(ring.fileno() for ring in self.rings)):
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        return poll


def open_live(
    interfaces: Sequence[str], *, bpf: str = "", promiscuous: bool = True, fanout: int = 1,
    ring_mib: int | None = None, memory_mib: int = 256, block_kib: int = BLOCK_KIB,
    user: str = "", snaplen: int = 65535, opened: Callable[[], None] = lambda: None,
) -> LiveSource:  # fmt: skip
    """Open the interfaces, then drop all privileges. Raises CaptureError with a message of one line if that fails.
    ``opened`` is called in between, to open what needs privileges; an exception from it ends the capture.

    ``fanout`` rings share each interface; ``ring_mib`` is the size of each, None: chosen by link speed within
    ``memory_mib`` (see ring_size.py). An interface that does not exist yet is waited for.
    """
    _check(interfaces, fanout, snaplen)
    speeds = {name: speed_of(name) for name in interfaces}
    sizes = {
        name: ring_mib or size_for(speed, fanout, fanout * len(interfaces), memory_mib)
        for name, speed in speeds.items()
    }
    shapes = {name: Shape.of(mib, block_kib) for name, mib in sizes.items()}
    length = WHOLE_FRAME if snaplen >= 65535 else snaplen
    try:
        rings = (
            _packet_rings(shapes, _programs(interfaces, bpf, length), promiscuous, fanout)
            if hasattr(socket, "AF_PACKET")
            else None
        )
    except NoRing:
        rings = None
    if rings is None:
        source = LiveSource(interfaces, _portable(interfaces, bpf, promiscuous, length))
    else:
        source = LiveSource(interfaces, rings, _in_words(sizes, {} if ring_mib else speeds))
    _give_up_privileges(source, opened, user)
    return source


def _give_up_privileges(source: LiveSource, opened: Callable[[], None], user: str) -> None:
    """Closes the source if that fails, or if ``opened`` raises an exception."""
    try:
        opened()
        drop_privileges(user)
    except BaseException:
        source.close()
        raise
    if threads := privileged_threads():
        source.damaged(
            "privileges",
            f"{len(threads)} threads of a library keep their privileges: start with OPENBLAS_NUM_THREADS=1",
        )


def _in_words(sizes: Mapping[str, int], speeds: Mapping[str, int]) -> str:
    """``ring 64 MiB for 1000 Mbit/s`` for each kind of link, without its speed if the size was configured."""
    notes = {
        name: f" for {speeds[name]} Mbit/s"
        if speeds.get(name)
        else f" for {USUAL} Mbit/s, as the link reports no speed"
        for name in speeds
    }
    return ", ".join(dict.fromkeys(f"ring {mib} MiB{notes.get(name, '')}" for name, mib in sizes.items()))


def _packet_rings(
    shapes: Mapping[str, Shape], program: Callable[[int], filters.Program], promiscuous: bool, fanout: int
) -> list[Ring]:
    """Kernel rings, ``fanout`` for each interface, of the given shape. Raises NoRing if the kernel has none,
    CaptureError if one cannot be opened.
    """
    rings: list[Ring] = []
    try:
        for number, (name, shape) in enumerate(shapes.items()):
            group = Fanout() if fanout > 1 else None
            rings += (
                PacketRing(name, number, shape, program, promiscuous=promiscuous, fanout=group) for _ in range(fanout)
            )
    except CaptureError:
        _close(rings)
        raise
    return rings


def _check(interfaces: Sequence[str], fanout: int, snaplen: int) -> None:
    if not interfaces:
        there = ", ".join(interface.name for interface in list_interfaces()) or "none"
        raise InvalidArguments(f"no interface to capture on: specify one with -i (available: {there})")
    for name in interfaces:
        if not valid_name(name):
            raise InvalidArguments(f"{name!r} is not a valid interface name")
    if len(set(interfaces)) != len(interfaces):
        raise InvalidArguments(f"an interface is specified twice: {', '.join(interfaces)}")
    if not 1 <= fanout <= MAX_FANOUT:
        raise InvalidArguments(f"fanout {fanout}: from 1 to {MAX_FANOUT} rings per interface")
    if snaplen < 1:
        raise InvalidArguments(f"snap length {snaplen}: at least 1 byte")


def _programs(interfaces: Sequence[str], text: str, snaplen: int) -> Callable[[int], filters.Program]:
    """Filter programs by hardware type. Those of existing interfaces are compiled now, so that an invalid filter is
    reported before anything is opened.
    """
    known: dict[int, filters.Program] = {}

    def program(hardware: int) -> filters.Program:
        if hardware not in known:
            link, layer = link_of(hardware)
            made = filters.compile_filter(text, link if layer == AT_LINK else RAW, snaplen, (*interfaces, "lo"))
            known[hardware] = made if layer == AT_LINK else filters.from_network_header(made)
        return known[hardware]

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        for name in interfaces:
            program(hardware_of(sock, name))
    return program


def _portable(interfaces: Sequence[str], text: str, promiscuous: bool, snaplen: int) -> list[Ring]:
    rings: list[Ring] = []
    try:
        for number, name in enumerate(interfaces):
            rings.append(PortableRing(name, number, bpf=text, promiscuous=promiscuous, snaplen=snaplen))
    except CaptureError:
        _close(rings)
        raise
    return rings


def _close(rings: Sequence[Ring]) -> None:
    for ring in rings:
        ring.close()
