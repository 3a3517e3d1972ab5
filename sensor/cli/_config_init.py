"""``sensor config init``: asks a few questions, and writes a configuration with the answers."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sensor.cli._codes import NOT_OPENED, USAGE
from sensor.cli._config_keys import described
from sensor.cli._config_text import document
from sensor.cli._setup import complain
from sensor.cli._show import put, tidy
from sensor.config import Config
from sensor.config_file import SYSTEM
from sensor.core.addresses import parse_network
from sensor.core.model import Model
from sensor.core.model_schema import pydantic_model
from sensor.delivery.catalogue import output_class, types
from sensor.delivery.section import NAME
from sensor.documents import nearest, write_whole
from sensor.documents.validation import value_text
from sensor.outputs.transport.secrets import WAYS

ROLES = {"scanner": "vulnerability scanners and inventory systems", "backup": "backup servers"}
Answers = dict[str, Any]


class NoAnswer(Exception):
    """Standard input ended before an answer."""


def init(path: Path | None, *, yes: bool, force: bool) -> int:
    """Ask and write; 2 if there is no terminal or a file exists, 3 if it cannot be written."""
    path = path or SYSTEM
    if path.is_dir():
        path /= SYSTEM.name
    if path != Path("-") and (path.exists() or path.is_symlink()) and not force:
        complain(f"{path} exists: overwrite it with --force, or specify another FILE", error="file.exists")
        return USAGE
    if not yes and not sys.stdin.isatty():
        complain("no terminal for questions: accept the proposed values with --yes", error="usage.no-terminal")
        return USAGE
    try:
        text = document(proposed() if yes else prompted())
    except NoAnswer:
        complain("the input ended: nothing was written", error="usage.no-terminal")
        return USAGE
    return _written(path, text)


def _written(path: Path, text: str) -> int:
    if path == Path("-"):
        put(text.rstrip())
        return 0
    try:
        write_whole(path, text.encode())
    except OSError as error:
        complain(
            f"cannot write {path}: {error.strerror}; specify another FILE, or run the command as root",
            error="file.not-written",
        )
        return NOT_OPENED
    put(f"wrote {path}; next: sensor config check {path}")
    return 0


def proposed() -> Answers:
    """The answers without questions."""
    interfaces = _mirror(_interfaces())
    return {"sensor": {"id": Config().sensor.id}, **({"capture": {"interfaces": interfaces}} if interfaces else {})}


def prompted() -> Answers:
    """The answers of the user. Only values that differ from the default are stored."""
    default = Config().sensor
    answers: Answers = {"sensor": {"id": _ask("Name of this sensor", default.id, _field(type(default), "id"))}}
    if site := _ask("Site of this sensor", "", _field(type(default), "site")):
        answers["sensor"]["site"] = site
    interfaces = _ask_interfaces()
    networks = _ask("Internal networks in addition to the private ones (such as 203.0.113.0/24)", "", _blocks)
    if networks:
        answers["networks"] = networks
    roles = {
        role: blocks
        for role, what in ROLES.items()
        if (blocks := _ask(f"Addresses or networks of {what}", "", _blocks))
    }
    if roles:
        answers["roles"] = roles
    if interfaces:
        answers["capture"] = {"interfaces": interfaces}
    return answers | _ask_output()


def _interfaces() -> list[Any]:
    """Candidates for a mirror port: all interfaces except loopback."""
    from sensor.capture.interfaces import list_interfaces

    try:
        return [one for one in list_interfaces() if one.name != "lo"]
    except OSError:
        return []


def _mirror(found: list[Any]) -> list[str]:
    """The interface that most likely receives a mirror: it is up and has no address. Otherwise the only one
    that is up.
    """
    running = [one.name for one in found if one.up and one.running]
    silent = [
        one.name
        for one in found
        if one.name in running
        and not any("." in address or not address.startswith("fe80") for address in one.addresses)
    ]
    return next((names for names in (silent, running) if len(names) == 1), [])


def _ask_interfaces() -> list[str]:
    found = _interfaces()
    _print_line(
        "Interfaces of this host:"
        if found
        else "This host has no interface to capture on; select one later with `sensor run -i NAME`."
    )
    for one in found:
        state = "running" if one.up and one.running else "up" if one.up else "down"
        _print_line(f"  {tidy(one.name):15} {state:8} {', '.join(one.addresses)}")
    names = [str(one.name) for one in found]

    def chosen(text: str) -> list[str]:
        for name in (wanted := _split(text)):
            if name not in names:
                raise ValueError(f"no interface {name!r}, {nearest(name, names)}")
        return wanted

    return (
        list(
            _ask(
                "Interfaces to capture on, connected to the mirror port of the switch", " ".join(_mirror(found)), chosen
            )
        )
        if found
        else []
    )


def _ask_output() -> Answers:
    """One output with the required options of its type."""
    _print_line(f"Events are stored in a local log. They can also be sent to outputs: {', '.join(types())}.")
    kind = _ask("Type of the output", "none", _one_of(["none", *types()]))
    if kind == "none":
        return {}
    unit = output_class(kind).Options
    fields = pydantic_model(unit).model_fields
    name = _ask("Name of the output", kind.replace("_", "-"), _named)
    required = [key for key, field in fields.items() if field.is_required()]
    options = {key: _ask_option(unit, key) for key in required}
    while (fault := _fault(unit, options)) is not None:
        _print_line(f"  {fault}")
        # Some types need one of several options: those named in the error are asked for as well.
        more = [key for key in fields if key not in options and re.search(rf"\b{key}\b", fault)]
        options |= {key: _ask_option(unit, key) for key in more or required}
    return {"outputs": {name: {"type": kind, **options}}}


def _ask_option(unit: type[Model], key: str) -> Any:
    description = described(pydantic_model(unit))[key]
    secret = f" ({', '.join(WAYS)})" if re.search("Secret|Url", _kind(unit, key)) else ""
    return _ask(f"{key}{f': {description}' if description else ''}{secret}", "", _field(unit, key))


def _field(unit: type[Model], key: str) -> Callable[[str], Any]:
    """Parses the text of one field of a model."""
    several = "list" in _kind(unit, key).partition("[")[0]

    def read(text: str) -> Any:
        value = _split(text) if several else text
        if (fault := _fault(unit, {key: value}, key)) is not None:
            raise ValueError(fault)
        return value

    return read


def _kind(unit: type[Model], key: str) -> str:
    """The type of a field, as text."""
    return str(pydantic_model(unit).model_fields[key].annotation)


def _fault(unit: type[Model], values: Answers, key: str = "") -> str | None:
    """The validation error of a model for values, or for one of them."""
    try:
        unit.model_validate(values)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            if not key or detail["loc"][:1] == (key,):
                return value_text(detail)
    return None


def _blocks(text: str) -> list[str]:
    for block in (blocks := _split(text)):
        parse_network(block)
    return blocks


def _named(text: str) -> str:
    if not NAME.fullmatch(text):
        raise ValueError("expected 1 to 32 lowercase letters, digits and dashes")
    return text


def _one_of(description: list[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in description:
            raise ValueError(f"found {text!r}, {nearest(text, description)}")
        return text

    return read


def _split(text: str) -> list[str]:
    return [value for value in re.split(r"[,\s]+", text) if value]


def _ask(question: str, default: str, read: Callable[[str], Any]) -> Any:
    """Ask until the answer is valid. Raises NoAnswer at the end of the input."""
    while True:
        print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise NoAnswer
        try:
            return read(line.strip() or default)
        except ValueError as error:
            _print_line(f"  {error}")


def _print_line(line: str) -> None:
    print(line, file=sys.stderr)
