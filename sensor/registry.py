"""Finds units by scanning folders: one file, one unit, without a manual list."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import TypeVar

Unit = TypeVar("Unit")
SHARED = "shared"
"""Name of folders with code that units share, without units."""


class UnitCountError(Exception):
    """A file has no unit or more than one: the message contains its path and what was found."""


def modules(package: ModuleType) -> Iterator[tuple[str, ModuleType]]:
    """(dotted path below the package, module) of every file in it, folders included, in name order. Names with a
    leading underscore are helpers, not units.
    """
    yield from _scan(package.__path__, package.__name__ + ".", "")


def _scan(paths: list[str] | object, prefix: str, below: str) -> Iterator[tuple[str, ModuleType]]:
    for info in sorted(pkgutil.iter_modules(paths), key=lambda info: info.name):  # type: ignore[arg-type]
        if info.name.startswith("_") or (info.ispkg and info.name == SHARED):
            continue
        module = importlib.import_module(prefix + info.name)
        if info.ispkg:
            yield from _scan(module.__path__, f"{prefix}{info.name}.", f"{below}{info.name}.")
        else:
            yield below + info.name, module


@functools.cache
def names(package: str) -> tuple[str, ...]:
    """Paths of all units of a package (``discovery.port_scan``), none of which is imported."""
    found = importlib.util.find_spec(package)
    return tuple(_names(list(found.submodule_search_locations or ()) if found is not None else [], ""))


def _names(folders: list[str], below: str) -> Iterator[str]:
    for info in sorted(pkgutil.iter_modules(folders), key=lambda info: info.name):
        if info.name.startswith("_") or (info.ispkg and info.name == SHARED):
            continue
        if info.ispkg:
            yield from _names([f"{folder}/{info.name}" for folder in folders], f"{below}{info.name}.")
        else:
            yield below + info.name


@functools.cache
def units(package: ModuleType, base: type[Unit]) -> Mapping[str, type[Unit]]:
    """Unit classes by path (``discovery.port_scan``): each file defines exactly one concrete subclass of ``base``. The
    folders are scanned once: code does not change while it runs.
    """
    return MappingProxyType({path: unit_of(module, base) for path, module in modules(package)})


def unit_of(module: ModuleType, base: type[Unit]) -> type[Unit]:
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    if len(found) != 1:
        names = ", ".join(value.__name__ for value in found) or "none"
        raise UnitCountError(f"{module.__file__}: one {base.__name__} a file, found {names}")
    return found[0]
