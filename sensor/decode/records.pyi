from __future__ import annotations

import numpy as np
import numpy.typing as npt

MORE: int
FULL: int
ASIDE: int
BROKEN: int

FRAME_LENGTH: int
BLOCK_LENGTH: int
TRAILER: int
INTERFACE_UNKNOWN: int
OVERHANG: int

LATEST: int
INTERFACE: np.dtype[np.void]

def scan_pcap(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    rows: npt.NDArray[np.void],
    filled: int,
    big: bool,
    fraction_ns: int,
    header: int,
    lengths: int,
    largest: int,
    link: int,
    source: int,
) -> tuple[int, int, int, int]: ...
def scan_snoop(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    rows: npt.NDArray[np.void],
    filled: int,
    largest: int,
    link: int,
    source: int,
) -> tuple[int, int, int, int]: ...
def scan_pcapng(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    rows: npt.NDArray[np.void],
    filled: int,
    big: bool,
    interfaces: npt.NDArray[np.void],
    ts: int,
    largest: int,
    source: int,
) -> tuple[int, int, int, int]: ...
def gather(
    data: npt.NDArray[np.uint8],
    rows: npt.NDArray[np.void],
    picks: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    frames: npt.NDArray[np.int64],
    out: npt.NDArray[np.uint8],
    out_rows: npt.NDArray[np.void],
) -> None: ...
def sums(rows: npt.NDArray[np.void]) -> tuple[int, int, int, int]: ...
