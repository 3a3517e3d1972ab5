"""What a command opened and needs to its end: closed when it is over, whatever came of it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Protocol, TypeVar


class Closing(Protocol):
    """A file, a database, a reader of one."""

    def close(self) -> None: ...


_OPENED = ExitStack()
_One = TypeVar("_One", bound=Closing)


def until_over(one: _One) -> _One:
    """Closed when the command is over."""
    _OPENED.callback(one.close)
    return one


def over() -> None:
    """The command is."""
    _OPENED.close()
