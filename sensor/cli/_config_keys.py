"""Shared parts of ``sensor config``: descriptions of keys from the models, and values as YAML."""

from __future__ import annotations

import re
import typing
from typing import Any

from pydantic import BaseModel

from sensor.core.model import Model
from sensor.core.model_schema import pydantic_model

# Words that YAML 1.1 or our own reader would not read as text.
_NO_TEXT = re.compile(
    r"(?i)true|false|yes|no|on|off|y|n|null|none|~|[-+.]?[\d.][\d_.:eE+-]*|0x[\da-f]+|\.inf|\.nan|=|-"
)
_PLAIN = re.compile(r"[A-Za-z0-9_./~+][A-Za-z0-9_./~%+@:-]*")
_NAMED = re.compile(r"``(\w+)``")


def description_of(model: type[BaseModel]) -> str:
    """The summary of a model as one line, without that of its base class."""
    return next((_flat(doc) for doc in _docs(model) if not doc.startswith("Base of ")), "")


def described(model: type[BaseModel]) -> dict[str, str]:
    """The description of each key of a model and its base classes: that of the field, otherwise the clause of the
    docstring that names it.
    """
    clauses = [clause for doc in _docs(model) for clause in _clauses(doc)]
    found: dict[str, str] = {}
    for name, field in model.model_fields.items():
        about = [clause for clause in clauses if name in _NAMED.findall(clause)]
        # The clause that begins with it describes it; others only mention it.
        best = next(
            (clause for clause in about if re.match(rf"(?:``\w+``(?:, | and ))*``{name}``", clause)),
            about[0] if about else "",
        )
        below = models_in(field.annotation)
        found[name] = field.description or _about(best) or (description_of(below[0]) if len(below) == 1 else "")
    return found


def _docs(model: type[BaseModel]) -> list[str]:
    """Docstrings of a model and its base classes."""
    return [
        each.__doc__ for each in model.__mro__ if each.__doc__ and issubclass(each, BaseModel) and each is not BaseModel
    ]


def _clauses(doc: str) -> list[str]:
    return [
        clause.strip().rstrip(".") for clause in re.split(r"; |\. |\n\n", re.sub(r"[ \n]*\n(?!\n) *", " ", doc.strip()))
    ]


def _about(clause: str) -> str:
    return _flat(re.sub(r"^``\w+``(?:, ``\w+``)*(?: and ``\w+``)?(?: \([^)]*\))?: ", "", clause))


def _flat(text: str) -> str:
    return " ".join(re.sub(r" \(see [\w/]+\.py\)", "", text).replace("``", "").split())


def key_of(model: type[BaseModel], name: str) -> str:
    """The name of a field in a document."""
    return model.model_fields[name].alias or name


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models anywhere in a type, as those of pydantic."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [pydantic_model(annotation)]
    return [one for part in typing.get_args(annotation) for one in models_in(part)]


def as_yaml(value: Any) -> str:
    """A value on one line, as our reader parses it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    if isinstance(value, float):
        text = repr(value)
        # YAML 1.1 requires a point in a number with an exponent.
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return str(value) if isinstance(value, int) else _text(str(value))


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text) and not text.endswith(":"):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in escaped) + '"'
