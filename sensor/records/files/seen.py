"""Events about files that are transferred."""

from __future__ import annotations

import enum
from collections.abc import Callable

from sensor.core.event import Event
from sensor.core.observation import Subject


class State(enum.StrEnum):
    """Whether the hash is that of the complete file, or why there is none."""

    WHOLE = "whole"
    GAP = "gap"
    CUT_OFF = "cut off"
    PARTIAL = "partial"
    LARGE = "large"
    ENCODED = "encoded"
    BUSY = "busy"


class FileBegun(Event):
    """The body of an HTTP response begins: its hash may follow."""

    client: Subject
    server: Subject
    client_port: int
    server_port: int


class FileSeen(Event):
    """The end of a file transfer. ``service``: the protocol; ``from_client``: the client sent the file, else the
    server; ``name``: without folders; ``mime``: declared by the sender; ``size``: number of bytes seen; ``sha256``: of
    the complete file, else empty; ``state``: one of State.
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
