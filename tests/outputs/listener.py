"""A port whose connections are served by a function: peers that violate the protocol."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def listener(serve: Callable[[socket.socket], object], *, buffer: int = 0) -> Iterator[int]:
    """Each connection is passed to ``serve``, one after the other, and closed afterwards. ``buffer``: receive buffer
    size.
    """
    ended = threading.Event()

    def run() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError, OSError):
                connection, _ = listening.accept()
                with connection:
                    connection.settimeout(3)
                    serve(connection)

    with socket.socket() as listening:
        if buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.settimeout(0.05)
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            thread.join()
