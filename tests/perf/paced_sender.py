"""Send the frames of a capture in a loop at a fixed rate, until SIGINT or SIGTERM.

    python -m tests.perf.paced_sender INTERFACE PACKETS_PER_S CAPTURE

tcpreplay computes each time from the start: after a minute in which it was too slow, it sends faster than asked until
it has caught up. This sender catches up for a moment only, and drops the rest of its arrears.
"""

from __future__ import annotations

import itertools
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.perf.captures import frames

# Seconds between two bursts, and of arrears that are still sent: the rate of a second exceeds the wanted one by a
# twentieth at most.
BURST_S, ARREARS_S = 0.01, 0.05


def bursts(
    rate: int,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[int]:
    """The number of packets to send now, each time it is more than none; waits between two of them."""
    begun, sent, most = clock(), 0, max(1, int(ARREARS_S * rate))
    while True:
        owed = int((clock() - begun) * rate) - sent
        if owed > most:
            begun, sent, owed = clock() - most / rate, 0, most
        if owed > 0:
            sent += owed
            yield owed
        sleep(BURST_S)


def send(interface: str, rate: int, capture: Iterable[bytes]) -> None:
    """Raises PermissionError without root, OSError if the interface does not exist or a frame is too long for it."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        following = itertools.cycle(capture)
        for number in bursts(rate):
            for frame in itertools.islice(following, number):
                link.send(frame)


def main() -> None:
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, signal.SIG_DFL)
    interface, rate, path = sys.argv[1:]
    send(interface, int(rate), [frame for _, frame in frames(Path(path))])


if __name__ == "__main__":
    main()
