"""A small XML parser for device descriptions: elements, their text, and the names of their namespaces.

Document types and custom entities are not supported: a document that declares any is rejected, so nothing can expand or
be fetched. Attributes other than namespaces are ignored, prefixes are removed. A truncated document yields the elements
that were closed.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import Malformed, clean

SIZE_LIMIT = 64 * 1024
DEPTH_LIMIT = 32
ELEMENTS_LIMIT = 2048
TEXT_LIMIT = 4096
# Encodings other than UTF-8.
_MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_NAMESPACE = lazy_pattern(r"xmlns(?::([\w.-]{1,64}))?\s{0,8}=\s{0,8}[\"']([^\"'<>]{1,256})[\"']")
_NAME_END = lazy_pattern(r"[\s/>]")


class Element:
    """One element. ``text``: its text without that of children; ``closed``: its end tag was found."""

    __slots__ = ("children", "closed", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = ""
        self.children: list[Element] = []
        self.closed = False

    def add(self, text: str) -> None:
        """Append text, within the limit."""
        if len(self.text) < TEXT_LIMIT:
            self.text += text[:TEXT_LIMIT]

    def first(self, *names: str) -> Element | None:
        """The first child, grandchild and so on with these names, in this order."""
        found: Element | None = self
        for name in names:
            found = next((child for child in found.children if child.name == name), None) if found else None
        return found

    def value(self, *names: str) -> str:
        """The text of the first such descendant, cleaned; empty if there is none or its end is missing."""
        found = self.first(*names)
        return clean(html.unescape(found.text[:TEXT_LIMIT])) if found is not None and found.closed else ""

    def all(self, name: str) -> Iterator[Element]:
        """The children with this name."""
        return (child for child in self.children if child.name == name)


class Document:
    """The root of a document and its namespaces: prefix → URI."""

    __slots__ = ("namespaces", "root")

    def __init__(self, root: Element, namespaces: dict[str, str]) -> None:
        self.root, self.namespaces = root, namespaces


def read(data: bytes) -> Document:
    """The document in some bytes. Raises Malformed if it is invalid, declares entities, or exceeds a limit."""
    text = _decoded(data[:SIZE_LIMIT])
    top, namespaces = Element(""), dict[str, str]()
    path, at, count = [top], 0, 0
    while True:
        start = text.find("<", at)
        if start < 0:
            break
        if start > at and len(path) > 1:
            path[-1].add(text[at:start])
        at = _skipped(text, start, path[-1])
        if at > start:
            continue
        end = text.find(">", start) if at == start else -1
        if end < 0:  # truncated: the rest cannot be parsed
            break
        tag, at = text[start + 1 : end], end + 1
        if tag[:1] == "/":
            _close(path, tag)
            continue
        count += 1
        if count > ELEMENTS_LIMIT or len(path) > DEPTH_LIMIT:
            raise Malformed("document too large or too deep")
        _open(path, tag, namespaces)
    if not top.children:
        raise Malformed("no XML document")
    return Document(top.children[0], namespaces)


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").lstrip("\ufeff")
    return data.decode("utf-8", "replace").lstrip("\ufeff")


def _skipped(text: str, start: int, parent: Element) -> int:
    """The offset after a comment, an instruction or CDATA that begins at ``start``; ``start`` if it is a tag, -1 if it
    has no end.
    """
    if text[start + 1 : start + 2] == "?":
        end = text.find("?>", start)
        return end + 2 if end >= 0 else -1
    if text[start + 1 : start + 2] != "!":
        return start
    for opening, closing in (("<!--", "-->"), ("<![CDATA[", "]]>")):
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening))
            if end >= 0 and opening != "<!--":
                parent.add(html.escape(text[start + len(opening) : end], quote=False))
            return end + len(closing) if end >= 0 else -1
    raise Malformed("document with declarations")


def _open(path: list[Element], tag: str, namespaces: dict[str, str]) -> None:
    end = _NAME_END.search(tag)
    name = tag[: end.start()] if end else tag
    if not name or not (name[0].isalpha() or name[0] == "_"):
        raise Malformed("no XML document")
    element = Element(name.rpartition(":")[2][:64])
    path[-1].children.append(element)
    if "xmlns" in tag:
        namespaces.update(_NAMESPACE.findall(tag))
    if tag.endswith("/"):
        element.closed = True
    else:
        path.append(element)


def _close(path: list[Element], tag: str) -> None:
    if len(path) < 2 or path[-1].name != tag[1:].strip().rpartition(":")[2][:64]:
        raise Malformed("tags that do not match")
    path.pop().closed = True
