"""Rule formats of firewalls. One file is one format: ``rules(request)`` and ``undo(request)`` are pure functions from a
request to text with a final line end; ``HEAD``, if present, precedes all requests once; ``MARK`` begins a comment;
``ALLOWS`` is present if the format supports allow-lists.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from types import ModuleType

from sensor.posture.firewall.model import Request


def names() -> list[str]:
    """All formats."""
    return sorted(info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))


def allowing() -> list[str]:
    """The formats that support allow-lists."""
    return [name for name in names() if getattr(format_of(name), "ALLOWS", False)]


def format_of(name: str) -> ModuleType:
    """The module of a format."""
    return importlib.import_module(f"{__name__}.{name}")


def written(name: str, requests: Iterable[Request], *, undo: bool = False) -> str:
    """All requests in a format, or the commands that undo them."""
    module = format_of(name)
    texts = [module.undo(one) if undo else module.rules(one) + _undo_comments(module, one) for one in requests]
    return str(getattr(module, "HEAD", "")) + "".join(texts)


def _undo_comments(module: ModuleType, request: Request) -> str:
    """How to undo the rules, as comments below them, in case only this file is left."""
    mark = getattr(module, "MARK", "")
    return "".join(f"{mark} {line}\n" for line in ("to undo:", *module.undo(request).splitlines())) if mark else ""
