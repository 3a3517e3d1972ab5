"""Redaction: records with some fields only, and with values that stay here replaced by a salted hash.

The same value has the same hash wherever and whenever it stands, so that receivers can still count and join; without the salt, which is made once for each
sensor and never leaves it, nobody can try values. A value that is redacted is redacted in every text of its record as well: sentences name addresses.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sensor.delivery.position import sync_folder

# What formats and receivers cannot do without.
ENVELOPE = ("ts", "kind", "action", "severity", "msg", "id", "schema", "sensor")
FACTS = (
    *(f"device.{name}" for name in ("id", "first_seen", "last_seen")),
    *(f"alert.{name}" for name in ("id", "detector", "title", "risk", "confidence", "count", "first", "last")),
    *(f"incident.{name}" for name in ("id", "key", "risk", "count", "first", "last")),
)
LISTS: dict[str, Body] = {"incident": {"story": [], "actors": []}}
"""Where they do not go they are empty."""
SALT_BYTES, HASH_BYTES = 32, 8
SHORTEST = 3
"""Shorter values are not looked for in texts: they stand everywhere."""

Body = dict[str, Any]
Change = Callable[[Body], Body]


def load_salt(folder: Path) -> bytes:
    """The salt of this sensor; made where there is none. OSError where that cannot be."""
    path = folder / "salt"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == SALT_BYTES:
            return found
    beside = path.with_name(f"salt.{os.getpid()}")
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, salt := secrets.token_bytes(SALT_BYTES))
        os.fsync(file)
    finally:
        os.close(file)
    beside.replace(path)
    sync_folder(folder)
    return salt


def changes(fields: Sequence[str], redact: Sequence[str], salt: bytes) -> Change | None:
    """What is done to each record before it goes; None where nothing is."""
    if not fields and not redact:
        return None
    kept = _tree((*ENVELOPE, *FACTS, *fields)) if fields else None
    hidden = [tuple(path.split(".")) for path in redact]

    def change(record: Body) -> Body:
        # Redacted first: a field that does not go may hold what a sentence repeats.
        done = _redacted(record, hidden, salt) if hidden else record
        if kept is None:
            return done
        chosen: Body = _kept(done, kept)
        return chosen | {name: lists | chosen[name] for name, lists in LISTS.items() if isinstance(chosen.get(name), dict)}

    return change


# Fields.

Tree = dict[str, "Tree"]


def _tree(paths: Iterable[str]) -> Tree:
    """``src.ip`` as {"src": {"ip": {}}}; nothing below means all."""
    tree: Tree = {}
    for path in paths:
        node, words = tree, path.split(".")
        for place, word in enumerate(words):
            if word in node and not node[word]:
                break
            node = node.setdefault(word, {})
            if place == len(words) - 1:
                node.clear()
    return tree


def _kept(value: Any, tree: Tree) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_kept(one, tree) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: _kept(one, tree[name]) for name, one in value.items() if name in tree}


# Values.


def _redacted(record: Body, paths: Sequence[tuple[str, ...]], salt: bytes) -> Body:
    found: dict[str, str] = {}
    for path in paths:
        record = _hidden(record, path, salt, found)
    texts = sorted((text for text in found if len(text) >= SHORTEST), key=len, reverse=True)
    if not texts:
        return record
    everywhere = re.compile(r"(?<![\w.:-])(?:" + "|".join(map(re.escape, texts)) + r")(?![\w:-]|\.\w)", re.IGNORECASE)
    lowered = {text.casefold(): mark for text, mark in found.items()}
    envelope = {name: record[name] for name in ENVELOPE if name in record and name != "msg"}
    replaced: Body = _replaced(record, everywhere, lowered)
    return replaced | envelope


def _hidden(value: Any, path: tuple[str, ...], salt: bytes, found: dict[str, str]) -> Any:
    """A copy with what is at the end of the path replaced; ``found`` learns text → hash."""
    if isinstance(value, list):
        return [_hidden(one, path, salt, found) for one in value]
    if isinstance(value, dict):
        if not path:
            return {name: _hidden(one, path, salt, found) for name, one in value.items()}
        return {name: _hidden(one, path[1:], salt, found) if name == path[0] else one for name, one in value.items()}
    if path or value is None:
        return value
    text = str(value)
    if text not in found:
        found[text] = "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=salt, digest_size=HASH_BYTES).hexdigest()
    return found[text]


def _replaced(value: Any, everywhere: re.Pattern[str], marks: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return everywhere.sub(lambda match: marks[match[0].casefold()], value)
    if isinstance(value, list):
        return [_replaced(one, everywhere, marks) for one in value]
    if isinstance(value, dict):
        return {name: _replaced(one, everywhere, marks) for name, one in value.items()}
    return value
