"""Documents as models, whole or entry by entry. The reader of YAML is imported with the first document: a start with
the defaults reads none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from sensor.core.model import Check, Model
from sensor.documents.faults import DocumentErrors, Fault, Position
from sensor.documents.layers import text_of
from sensor.documents.paths import LocatedText, relative
from sensor.documents.quick import NeedsFullValidation, converted

if TYPE_CHECKING:
    import pydantic
    import yaml

    from sensor.documents.nodes import Location

FAULTS_LIMIT = 200

Document = TypeVar("Document")


def _relative_to_file(given: Any, info: pydantic.ValidationInfo[Any]) -> Any:
    if not isinstance(given, str | Path) or not (isinstance(given, LocatedText) or isinstance(info.context, Path)):
        return given
    return relative(given, info.context)


def _moment(text: str) -> str:
    if text:
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"found {text!r}, expected a time such as 2026-11-24T09:00:00Z") from None
    return text


Moment = Annotated[str, Check(_moment)]
"""A time, or an empty text."""

FilePath = Annotated[Path, Check(_relative_to_file, first=True, informed=True)]
"""A path relative to the folder of its document, which is the context of the validation, or to that of its layer."""


def load_document(
    path: Path,
    model: type[Document],
    *,
    text: str | None = None,
    context: object = None,
    texts: Mapping[Path, str] = {},
) -> Document:
    """The document at ``path`` (or ``text``, if it was read already) as a model. ``context`` is passed to the model's
    validators; ``texts``: texts of layers that replace those on the disk. Raises DocumentErrors.
    """
    from sensor.documents.nodes import Reader, at
    from sensor.documents.trees import compose, layered

    tree, faults = layered(path, texts) if text is None else (compose(path, text), [])
    reader = Reader(context)
    value = reader.value(tree)
    if reader.endless:
        raise DocumentErrors([*faults, *reader.faults])
    if not faults and not reader.faults and issubclass(model, Model):
        with contextlib.suppress(NeedsFullValidation):
            return converted(model, value, context)
    import pydantic

    from sensor.documents.validation import fault_of, validated

    try:
        document: Document = validated(model, value, context)
    except pydantic.ValidationError as error:
        # A missing key may be in a layer that cannot be read.
        details = [detail for detail in error.errors(include_url=False) if not (faults and detail["type"] == "missing")]
        faults += (fault_of(tree, model, detail) for detail in details[:FAULTS_LIMIT])
        faults += [at(tree, f"and {len(details) - FAULTS_LIMIT:,} more faults")] if len(details) > FAULTS_LIMIT else []
    if faults := [*dict.fromkeys((*faults, *reader.faults))]:
        raise DocumentErrors(faults)
    return document


def load_values(path: Path, texts: Mapping[Path, str] = {}) -> dict[str, Any] | None:
    """The values of a document with its layers; None if it has faults, which ``load_document`` reports."""
    from sensor.documents.nodes import Reader
    from sensor.documents.trees import layered

    try:
        tree, faults = layered(path, texts)
    except DocumentErrors:
        return None
    reader = Reader(path.parent)
    values: dict[str, Any] = reader.value(tree)
    return None if faults or reader.faults else values


def load_entries(
    path: Path, model: type[Document], name: str, *, text: str | None = None
) -> tuple[Document, list[int], list[Fault]]:
    """The document with the valid entries of its list ``name``, their indexes in the list, and the faults of the
    others.

    Raises DocumentErrors for faults outside of that list.
    """
    from sensor.documents.nodes import Reader
    from sensor.documents.trees import compose

    tree = compose(path, text_of(path) if text is None else text)
    reader = Reader()
    value = reader.value(tree)
    entries: Any = None if reader.faults else value.get(name)
    places = list(range(len(entries))) if isinstance(entries, list) else []
    if not places:
        return load_document(path, model, text=text), places, []
    import pydantic

    from sensor.documents.validation import fault_of, validated

    try:
        return validated(model, value), places, []
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
    faults = list(dict.fromkeys(fault_of(tree, model, detail) for detail in details))
    faulty = {
        detail["loc"][1] if detail["loc"][:1] == (name,) and len(detail["loc"]) > 1 else None for detail in details
    }
    places = [place for place in places if place not in faulty]
    if None in faulty or not places:
        raise DocumentErrors(faults)
    return validated(model, value | {name: [entries[place] for place in places]}), places, sorted(faults)


def foreign_documents(path: Path, text: str) -> list[Any]:
    """The documents of a YAML text by the rules of plain YAML. Raises DocumentErrors if it is not YAML."""
    import yaml

    try:
        return [document for document in yaml.safe_load_all(text) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentErrors(
            [Fault(path, 1, 1, f"not YAML: {' '.join(str(error).split())[:200]}", "config.not-yaml")]
        ) from None


def fault_at(path: Path, location: Location, message: str, *, text: str | None = None, key: bool = False) -> Fault:
    """A fault found after loading, for example by comparing documents, at the value that ``location`` (keys and list
    indexes from the top) leads to; ``key``: at its key.
    """
    from sensor.documents.nodes import at, find
    from sensor.documents.trees import compose, layered

    tree = layered(path)[0] if text is None else compose(path, text)
    return at(find(tree, location, key=key), message)


def places(path: Path, texts: Mapping[Path, str] = {}) -> dict[tuple[str | int, ...], Position]:
    """Positions of all keys and list entries of a loaded document, by their path from the top."""
    import yaml

    from sensor.documents.nodes import children, key_node, place_of
    from sensor.documents.trees import layered

    found: dict[tuple[str | int, ...], Position] = {}
    waiting: list[tuple[tuple[str | int, ...], yaml.Node]] = [((), layered(path, texts)[0])]
    while waiting:
        way, node = waiting.pop()
        for step, item in children(node):
            found[(*way, step)] = place_of(key_node(node, step) if isinstance(node, yaml.MappingNode) else item)
            waiting.append(((*way, step), item))
    return found
