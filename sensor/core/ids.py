"""Ids of entities: the kind, a hyphen, and 14 characters of Crockford base 32 (crockford.com/base32.html), 70 bits:
``dev-5k2m8q0a7c1xw4``.

The first six characters follow from the key alone, as ids of earlier versions did: such an id is the beginning of the
one that the same entity gets now, and any unambiguous beginning is accepted where an id is expected. The others follow
from the key and the scope, so that the same key at two sites gives two ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SHORT, LENGTH = 6, 14
# A shorter text is the beginning of too many ids.
LEAST = 4
TAIL_BYTES, HEAD_BYTES = 5, 10


def entity_id(kind: str, key: str, scope: str = "", *, head_bytes: int = HEAD_BYTES) -> str:
    """The same for the same key and scope. ``scope``: the sensor that the key belongs to, empty for keys that are
    unique everywhere; ``head_bytes``: length of the digest that the first six characters are taken from.
    """
    head = hashlib.blake2b(key.encode(), digest_size=head_bytes).digest()
    tail = hashlib.blake2b(f"{scope}|{key}".encode(), digest_size=TAIL_BYTES).digest()
    return f"{kind}-{_text(head, SHORT)}{_text(tail, LENGTH - SHORT)}"


def short_id(name: str) -> str:
    """The beginning that earlier versions used as an id, and that tables show: the kind and six characters."""
    kind, hyphen, rest = name.rpartition("-")
    return f"{kind}{hyphen}{rest[:SHORT]}"


def short_ids(names: Collection[str]) -> dict[str, str]:
    """By id: its short form, or all of it where two of these ids have the same short form."""
    seen: dict[str, int] = {}
    for name in names:
        seen[short_id(name)] = seen.get(short_id(name), 0) + 1
    return {name: short_id(name) if seen[short_id(name)] == 1 else name for name in names}


def means(word: str, name: str) -> bool:
    """Whether a word names an entity: by its id, by the beginning of it (at least ``LEAST`` characters after the kind),
    or, where the entity has an id of an earlier version, by the longer one that it would get now.
    """
    if word == name:
        return True
    kind, hyphen, rest = word.rpartition("-")
    if not hyphen or not name.startswith(f"{kind}-"):
        return False
    return (len(rest) >= LEAST and name.startswith(word)) or (len(rest) == LENGTH and name == short_id(word))


def matching(start: str, names: Iterable[str]) -> list[str]:
    """The id itself where it is one of these, else all that it may mean."""
    several = list(names)
    return [start] if start in several else [name for name in several if means(start, name)]


def _text(digest: bytes, length: int) -> str:
    """The last bits of a digest."""
    number = int.from_bytes(digest, "big")
    return "".join([ALPHABET[number >> 5 * place & 31] for place in range(length - 1, -1, -1)])
