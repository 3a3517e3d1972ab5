"""Ids of entities: the kind, a hyphen, and 14 characters of Crockford base 32 (crockford.com/base32.html), 70 bits:
``dev-5k2m8q0a7c1xw4``.

The first six characters are derived from the key alone, like the ids of earlier versions: such an id is a prefix of the
entity's present id, and any unambiguous prefix is accepted where an id is expected. The other characters are derived
from the key and the scope, so that the same key at two sites gives two ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
SHORT, LENGTH = 6, 14
# Shorter prefixes match too many ids.
LEAST = 4
TAIL_BYTES, HEAD_BYTES = 5, 10


def entity_id(kind: str, key: str, scope: str = "", *, head_bytes: int = HEAD_BYTES) -> str:
    """The id of a key and scope. ``scope``: the sensor that the key belongs to, empty for keys that are unique
    everywhere; ``head_bytes``: length of the digest that gives the first six characters.
    """
    head = hashlib.blake2b(key.encode(), digest_size=head_bytes).digest()
    tail = hashlib.blake2b(f"{scope}|{key}".encode(), digest_size=TAIL_BYTES).digest()
    return f"{kind}-{_text(head, SHORT)}{_text(tail, LENGTH - SHORT)}"


def short_id(name: str) -> str:
    """The short id, used by earlier versions and shown in tables: the kind and six characters."""
    kind, hyphen, rest = name.rpartition("-")
    return f"{kind}{hyphen}{rest[:SHORT]}"


def short_ids(names: Collection[str]) -> dict[str, str]:
    """Id → its short form, or the whole id if two of these ids have the same short form."""
    seen: dict[str, int] = {}
    for name in names:
        seen[short_id(name)] = seen.get(short_id(name), 0) + 1
    return {name: short_id(name) if seen[short_id(name)] == 1 else name for name in names}


def means(word: str, name: str) -> bool:
    """Whether a word refers to an entity: its id, a prefix of it (at least ``LEAST`` characters after the kind), or, if
    the entity has an id of an earlier version, the present longer id.
    """
    if word == name:
        return True
    kind, hyphen, rest = word.rpartition("-")
    if not hyphen or not name.startswith(f"{kind}-"):
        return False
    return (len(rest) >= LEAST and name.startswith(word)) or (len(rest) == LENGTH and name == short_id(word))


def matching(start: str, names: Iterable[str]) -> list[str]:
    """The id itself if it is one of these, else all ids that it may refer to."""
    several = list(names)
    return [start] if start in several else [name for name in several if means(start, name)]


def _text(digest: bytes, length: int) -> str:
    """The last bits of a digest in base 32."""
    number = int.from_bytes(digest, "big")
    return "".join([ALPHABET[number >> 5 * place & 31] for place in range(length - 1, -1, -1)])
