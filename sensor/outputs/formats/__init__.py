"""Formats: encodings of a record. One file is one format; each is a pure function and needs no registration.

A file has ``encode(record) -> bytes | None``: the record (from the event log, or as an object of core) as one line
without its end, at most 64 KiB; None if the format does not support that kind. JSON formats also have ``body(record)``,
the object before it is encoded.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from sensor.core.record import Record

Format = Callable[[dict[str, Any] | Record], bytes | None]


class NoFormat(Exception):
    """A file of the folder is not a format; the message contains its path."""


def scan(package: ModuleType) -> dict[str, Format]:
    """The formats of a folder by name, in name order. Files with a leading underscore are helpers."""
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
    return {name: _encode_of(importlib.import_module(f"{package.__name__}.{name}")) for name in names}


def _encode_of(module: ModuleType) -> Format:
    encode = vars(module).get("encode")
    if not callable(encode):
        raise NoFormat(f"{module.__file__}: a format has a function encode, found none")
    found: Format = encode
    return found


FORMATS = scan(sys.modules[__name__])
