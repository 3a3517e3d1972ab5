"""What becomes known of a file that is transferred, as events."""

from __future__ import annotations

import enum
from collections.abc import Callable

from sensor.core.event import Event
from sensor.core.observation import Subject


class State(enum.StrEnum):
    """Whether the hash is that of the whole file, or why there is none."""

    WHOLE = "whole"
    GAP = "gap"
    CUT_OFF = "cut off"
    PARTIAL = "partial"
    LARGE = "large"
    ENCODED = "encoded"
    BUSY = "busy"


class FileBegun(Event):
    """The body of a response of HTTP begins: its hash may follow."""

    client: Subject
    server: Subject
    client_port: int
    server_port: int


class FileSeen(Event):
    """A file came to its end. ``service``: protocol that transferred it; ``from_client``: the client sent it, else the
    server; ``name``: its last part; ``mime``: as the sender declares it; ``size``: bytes that were seen;
    ``sha256``: of the whole file, else empty; ``state``: one of State.
    """

    client: Subject
    server: Subject
    client_port: int
    server_port: int
    service: str
    from_client: bool
    name: str
    mime: str
    size: int
    sha256: str
    state: str


Emit = Callable[[FileSeen | FileBegun], None]
