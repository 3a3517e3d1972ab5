"""Redaction: records with selected fields, and with sensitive values replaced by a salted hash.

The same value has the same hash everywhere, so that receivers can still count and join. The salt is created once per
sensor and never leaves it, so that values cannot be guessed. A redacted value is replaced in every text of its record
too: sentences contain addresses, and names and serial numbers contain them in other spellings (MAC addresses with any
or no separators, IPv4 addresses with dashes). The sensor's own terms stay, whatever a peer calls itself: a device named
like a detector must not hide which detector raised the alert.

Selecting fields is not redaction: the sentence ``msg`` is always sent, with the names in it. Values that must not leave
have to be redacted.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sensor.delivery.mentions import Mentions
from sensor.delivery.position import sync_folder

# Fields that formats and receivers require.
ENVELOPE = ("ts", "kind", "action", "severity", "msg", "id", "schema", "sensor")
FACTS = (
    *(f"device.{name}" for name in ("id", "first_seen", "last_seen")),
    *(f"alert.{name}" for name in ("id", "detector", "title", "risk", "confidence", "count", "first", "last")),
    *(f"incident.{name}" for name in ("id", "key", "risk", "count", "first", "last")),
    *(f"recommendation.{name}" for name in ("id", "setting", "title", "count", "first", "last")),
)
# Times and numbers that formats compute with: they stay, even within a redacted object.
NEVER_REDACTED = ("ts", "emitted", "first", "last", "first_seen", "last_seen", "confidence", "risk", "count")
# Fields with the sensor's own terms, which contain no text of a peer.
WORDS = (
    *(f"{end}.type" for end in ("device", "src", "dst", "targets")),
    *("alert.detector", "alert.attack", "incident.attack", "incident.story.detector", "recommendation.setting"),
)
NEEDED = {
    "alert.attack": ("tactic", "technique", "name"),
    "incident.attack": ("tactic", "technique", "name"),
    "incident.story": ("ts", "alert", "detector", "msg"),
    "packets": ("file",),
}
"""Fields that are included with any part of these objects."""
LISTS: dict[str, Body] = {"incident": {"story": [], "actors": []}}
"""Objects that are empty instead of absent."""
SALT_BYTES, HASH_BYTES = 32, 8

Body = dict[str, Any]
Change = Callable[[Body], Body]


def load_salt(folder: Path) -> bytes:
    """The salt of this sensor; created if absent. Raises OSError if that fails."""
    path = folder / "salt"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == SALT_BYTES:
            return found
    temporary = path.with_name(f"salt.{os.getpid()}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.write(file, salt := secrets.token_bytes(SALT_BYTES))
        os.fsync(file)
    finally:
        os.close(file)
    temporary.replace(path)
    sync_folder(folder)
    return salt


def changes(fields: Sequence[str], redact: Sequence[str], salt: bytes) -> Change | None:
    """The change that is applied to each record; None if there is none."""
    if not fields and not redact:
        return None
    along = (
        f"{path}.{name}"
        for path, names in NEEDED.items()
        if any(field.startswith(f"{path}.") for field in fields)
        for name in names
    )
    kept = _tree((*ENVELOPE, *FACTS, *along, *fields)) if fields else None
    hidden = [tuple(path.split(".")) for path in redact]

    def change(record: Body) -> Body:
        # Redact first: a field that is left out may contain a value that a sentence repeats.
        done = _redacted(record, hidden, salt) if hidden else record
        if kept is None:
            return done
        chosen: Body = _kept(done, kept)
        return chosen | {
            name: lists | chosen[name] for name, lists in LISTS.items() if isinstance(chosen.get(name), dict)
        }

    return change


# Fields.

Tree = dict[str, "Tree"]


def _tree(paths: Iterable[str]) -> Tree:
    """``src.ip`` as {"src": {"ip": {}}}; an empty object selects everything below."""
    tree: Tree = {}
    for path in paths:
        node, parts = tree, path.split(".")
        for place, part in enumerate(parts):
            if part in node and not node[part]:
                break
            node = node.setdefault(part, {})
            if place == len(parts) - 1:
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
    mentions = Mentions(found).among(_texts(record)) if found else None
    if mentions is None:
        return record
    replaced: Body = _restored(_replaced(record, mentions), record, _OURS)
    return replaced


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)


def _mark(text: str, salt: bytes) -> str:
    return "#" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=salt, digest_size=HASH_BYTES).hexdigest()


def _hidden(value: Any, path: tuple[str, ...], salt: bytes, found: dict[str, str]) -> Any:
    """A copy with the value at the path replaced; adds text → hash to ``found``."""
    if isinstance(value, list):
        return [_hidden(one, path, salt, found) for one in value]
    if isinstance(value, dict):
        name, rest = path[:1], path[1:]
        return {
            key: _hidden(one, rest, salt, found) if name in ((), (key,)) and key not in NEVER_REDACTED else one
            for key, one in value.items()
        }
    if path or value is None:
        return value
    text = str(value)
    mark = _mark(text, salt)
    if not isinstance(value, bool):
        found[text] = mark
    return mark


def _replaced(value: Any, mentions: Mentions) -> Any:
    if isinstance(value, str):
        return mentions.replaced(value)
    if isinstance(value, list):
        return [_replaced(one, mentions) for one in value]
    if isinstance(value, dict):
        return {name: _replaced(one, mentions) for name, one in value.items()}
    return value


def _restored(value: Any, other: Any, tree: Tree) -> Any:
    """A value with the parts selected by a tree taken from another value of the same shape."""
    if not tree:
        return other
    if isinstance(value, list):
        return [_restored(one, two, tree) for one, two in zip(value, other, strict=True)]
    if not isinstance(value, dict):
        return value
    return {name: _restored(one, other[name], tree[name]) if name in tree else one for name, one in value.items()}


_OURS = _tree((*(name for name in ENVELOPE if name != "msg"), *WORDS))
