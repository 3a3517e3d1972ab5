"""Capture with libpcap, for kernels without packet rings; the same interface as
``sensor.capture.packet_ring.PacketRing``.

Frames are copied once. The descriptor is polled before reading, because libpcap would wait for the next packet without
handling signals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sensor.capture.packet_ring import MAX_ROWS, no_permission
from sensor.capture.source import CaptureError, InvalidArguments, NotPermitted
from sensor.core.batch import ROW, Batch

TIMEOUT_MS = 40


class PortableRing:
    """``received``: packets read, ``dropped``: packets that libpcap and the interface report as lost."""

    def __init__(
        self, name: str, source: int, *, bpf: str = "", promiscuous: bool = True, snaplen: int = 65535
    ) -> None:
        self.name, self.source = name, source
        self._bpf, self._promiscuous, self._snaplen = bpf, promiscuous, snaplen
        self.received = self.dropped = self.read = self.broken = self.returns = self._lost = 0
        self.link = 0
        self.problem = ""
        self._frames: list[tuple[int, int, int, bytes]] = []
        self._handle: Any = None
        self._open()

    def _open(self) -> None:
        try:
            import pcapy
        except ImportError:
            raise CaptureError(
                f"{self.name}: capture on this system needs the package pcapy-ng (pip install pcapy-ng)"
            ) from None
        try:
            handle = pcapy.open_live(self.name, self._snaplen, self._promiscuous, TIMEOUT_MS)
            handle.setnonblock(1)
            handle.getfd()
        except pcapy.PcapError as error:
            text = str(error)
            denied = "permi" in text.lower()
            raise (
                NotPermitted(no_permission(self.name))
                if denied
                else CaptureError(f"{self.name}: cannot capture: {text}")
            ) from None
        try:
            handle.setfilter(self._bpf)
        except pcapy.PcapError as error:
            raise InvalidArguments(f"filter {self._bpf!r} does not compile: {error}") from None
        self._handle, self._error, self.link = handle, pcapy.PcapError, handle.datalink()

    def fileno(self) -> int:
        """The descriptor to poll; -1 while there is none."""
        return int(self._handle.getfd()) if self._handle is not None else -1

    def ready(self) -> bool:
        """Whether packets are available; reads them without waiting."""
        if self._handle is not None and not self._frames:
            try:
                self._handle.dispatch(MAX_ROWS, self._keep)
            except self._error as error:
                self._lose(str(error))
        return bool(self._frames)

    def _keep(self, header: Any, frame: bytes) -> None:
        if len(self._frames) < MAX_ROWS:
            seconds, micros = header.getts()
            self._frames.append((seconds * 1_000_000_000 + micros * 1000, len(frame), header.getlen(), frame))
        else:
            self._lost += 1

    def crowded(self) -> bool:
        """Always False: libpcap does not report the fill level of its buffer."""
        return False

    def backlog(self) -> float:
        """Always 0, for the same reason: messages are never shed here."""
        return 0.0

    def times(self) -> tuple[int, int]:
        """Capture times of the first and last waiting frame, ns."""
        return self._frames[0][0], self._frames[-1][0]

    def take(self, _most: int) -> Batch | None:
        """The packets read; None if there are none."""
        if not self.ready():
            return None
        frames, self._frames = self._frames, []
        rows = np.zeros(len(frames), ROW)
        rows["ts"] = [ts for ts, _, _, _ in frames]
        rows["caplen"] = caplen = np.array([size for _, size, _, _ in frames], np.int64)
        rows["wirelen"] = [size for _, _, size, _ in frames]
        rows["frame"] = np.cumsum(caplen) - caplen
        rows["link"], rows["source"] = self.link, self.source
        self.read += len(frames)
        return Batch(np.frombuffer(b"".join(frame for _, _, _, frame in frames), np.uint8), rows)

    def follow(self) -> bool:
        """Open the interface again if it was lost; needs the same privileges as the first time."""
        if self._handle is None:
            try:
                self._open()
            except CaptureError as error:
                self.problem = str(error).removeprefix(f"{self.name}: ")
                return False
            self.returns += 1
            self.problem = ""
        return True

    def _lose(self, why: str) -> None:
        self.problem = f"the interface is gone ({why})"
        self._handle = None
        self._lost = self.dropped

    def count(self) -> None:
        """Update the counters from libpcap."""
        if self._handle is not None:
            try:
                _, dropped, at_interface = self._handle.stats()
            except self._error:
                return
            self.dropped = self._lost + dropped + at_interface
        self.received = self.read + len(self._frames)

    def all_read(self) -> bool:
        """Whether no packets wait."""
        return not self.ready()

    def mute(self) -> None:
        """Does nothing: libpcap cannot block packets; those after a stop stay unread."""

    def close(self) -> None:
        """Close the capture."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None
