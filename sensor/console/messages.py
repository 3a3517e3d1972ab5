"""Messages of templates. Templates are written in English. A message is the text between two block elements or
statements, with values as ``{0}`` and inline elements as ``<0>…</0>``, so that a translation may reorder them.

A template is translated before it is compiled; in English it is unchanged.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import jinja2
from jinja2 import nodes

Translated = Callable[[str], str]

_FILLED = r"{{.*?}}|{%.*?%}"
_TAG = rf'<(?:"(?:{_FILLED}|[^"])*"|{_FILLED}|[^>"])*>'
_OPAQUE = r"<(?P<name>code|kbd)\b[^>]*>.*?</(?P=name)>"
_TOKEN = re.compile(rf"{{#.*?#}}|{_FILLED}|{_OPAQUE}|{_TAG}", re.DOTALL)
_ATTRIBUTE = re.compile(
    rf'(?P<name>\s(?:aria-label|title|placeholder|alt|data-name)=")(?P<value>(?:{_FILLED}|[^"])*)(?=")', re.DOTALL
)
_INLINE = frozenset(("a", "abbr", "b", "em", "i", "mark", "small", "span", "strong", "time"))
_VOID = frozenset(("br", "wbr"))
_PLACE = re.compile(r"\{\d+\}|</?\d+/?>")


class _Piece(NamedTuple):
    """``kind``: text, value, open, close, or break, which ends a message."""

    kind: str
    source: str
    name: str = ""


def translated(source: str, text: Translated) -> str:
    """The source of a template with translated messages."""
    made, run = list[str](), list[_Piece]()
    for piece in _pieces(source):
        if piece.kind == "break":
            made += [*_run(run, text), _tag(piece.source, text)]
            run = []
        else:
            run.append(piece)
    return "".join((*made, *_run(run, text)))


def messages_of(source: str) -> list[str]:
    """The messages of a template, and those in its expressions: ``_('…')`` and ``| plural('…', '…')``."""
    found: list[str] = []

    def kept(message: str) -> str:
        found.append(message)
        return message

    translated(source, kept)
    tree = jinja2.Environment(autoescape=True).parse(source)
    found += [
        str(call.args[0].value)
        for call in tree.find_all(nodes.Call)
        if isinstance(call.node, nodes.Name) and call.node.name == "_" and isinstance(call.args[0], nodes.Const)
    ]
    for one in tree.find_all(nodes.Filter):
        forms = [arg.value for arg in one.args if isinstance(arg, nodes.Const)]
        if one.name == "plural" and len(forms) == 2:
            found.append(" | ".join(forms))
    return list(dict.fromkeys(found))


def places_of(message: str) -> list[str]:
    """The placeholders of a message, in any order."""
    return sorted(_PLACE.findall(message))


def _pieces(source: str) -> Iterator[_Piece]:
    at = 0
    for found in _TOKEN.finditer(source):
        if found.start() > at:
            yield _Piece("text", source[at : found.start()])
        yield _piece(found[0], opaque=found["name"] is not None)
        at = found.end()
    if at < len(source):
        yield _Piece("text", source[at:])


def _piece(source: str, *, opaque: bool) -> _Piece:
    if opaque or source.startswith("{{"):
        return _Piece("value", source)
    name = re.sub(r"\W.*", "", source.lstrip("</"), flags=re.DOTALL)
    if source.startswith("<") and name in _VOID:
        return _Piece("value", source)
    if not source.startswith("<") or name not in _INLINE:
        return _Piece("break", source)
    return _Piece("close" if source.startswith("</") else "open", source, name)


def _run(run: Sequence[_Piece], text: Translated) -> Iterator[str]:
    """Translate pieces without a break. An inline element that is not closed in them also ends a message."""
    open_, lone = list[int](), set[int]()
    for index, piece in enumerate(run):
        if piece.kind == "open":
            open_.append(index)
        elif piece.kind == "close":
            if open_ and run[open_[-1]].name == piece.name:
                open_.pop()
            else:
                lone.add(index)
    lone |= set(open_)
    part: list[_Piece] = []
    for index, piece in enumerate(run):
        if index in lone:
            yield _message(part, text)
            yield _tag(piece.source, text)
            part = []
        else:
            part.append(piece)
    yield _message(part, text)


def _message(part: Sequence[_Piece], text: Translated) -> str:
    """A translated message. Surrounding spaces, and an element around the whole message, stay unchanged."""
    head, core, tail = _core(part)
    body = "".join(_shown(piece, text) for piece in core)
    if any(character.isalpha() for piece in core if piece.kind == "text" for character in piece.source):
        places = list(_places(core))
        message = " ".join("".join(name or html.unescape(piece.source) for name, piece in places).split())
        found = text(message)
        if found != message:
            filled = _filled(found, {name: _shown(piece, text) for name, piece in places if name})
            body = body[: len(body) - len(body.lstrip())] + filled + body[len(body.rstrip()) :]
    around = ["".join(_shown(piece, text) for piece in pieces) for pieces in (head, tail)]
    return f"{around[0]}{body}{around[1]}"


def _core(part: Sequence[_Piece]) -> tuple[list[_Piece], list[_Piece], list[_Piece]]:
    """The pieces before a message, of the message, and after it."""
    head, core, tail = list[_Piece](), list(part), list[_Piece]()
    while core:
        if core[0].kind == "text" and not core[0].source.strip():
            head.append(core.pop(0))
        elif core[-1].kind == "text" and not core[-1].source.strip():
            tail.insert(0, core.pop())
        elif core[0].kind == "open" and _end(core) == len(core) - 1:
            head.append(core.pop(0))
            tail.insert(0, core.pop())
        else:
            break
    return head, core, tail


def _end(core: Sequence[_Piece]) -> int:
    """Index of the end of the element that the first piece opens."""
    depth = 0
    for index, piece in enumerate(core):
        depth += {"open": 1, "close": -1}.get(piece.kind, 0)
        if depth == 0:
            return index
    return -1


def _places(core: Sequence[_Piece]) -> Iterator[tuple[str, _Piece]]:
    """Each piece with its placeholder; text has none."""
    values, tags, open_ = 0, 0, list[int]()
    for piece in core:
        if piece.kind == "value":
            yield f"{{{values}}}", piece
            values += 1
        elif piece.kind == "open":
            open_.append(tags)
            yield f"<{tags}>", piece
            tags += 1
        elif piece.kind == "close":
            yield f"</{open_.pop()}>", piece
        else:
            yield "", piece


def _filled(message: str, places: dict[str, str]) -> str:
    """A translation as template source. Its own text is escaped: it is neither markup nor an expression."""
    made, at = list[str](), 0
    for found in _PLACE.finditer(message):
        made += [_plain(message[at : found.start()]), places.get(found[0], "")]
        at = found.end()
    return "".join((*made, _plain(message[at:])))


def _plain(text: str) -> str:
    return html.escape(text).replace("{", "&#123;").replace("}", "&#125;")


def _shown(piece: _Piece, text: Translated) -> str:
    return piece.source if piece.kind == "text" else _tag(piece.source, text)


def _tag(source: str, text: Translated) -> str:
    """A tag with translated text attributes."""
    if not source.startswith("<"):
        return source
    return _ATTRIBUTE.sub(lambda found: found["name"] + translated(found["value"], text), source)
