"""LDAP search filters as text (RFC 4515): ``(&(objectCategory=person)(servicePrincipalName=*))``. Bounded in depth and
number of conditions.
"""

from __future__ import annotations

from sensor.core.reader import Malformed
from sensor.dissectors.shared import der

AND = 0xA0
OR = 0xA1
NOT = 0xA2
EQUAL = 0xA3
SUBSTRINGS = 0xA4
GREATER = 0xA5
LESS = 0xA6
PRESENT = 0x87
APPROXIMATE = 0xA8
EXTENSIBLE = 0xA9
JOINED = {AND: "&", OR: "|", NOT: "!"}
COMPARED = {EQUAL: "=", GREATER: ">=", LESS: "<=", APPROXIMATE: "~="}
INITIAL, FINAL = 0x80, 0x82
RULE, ATTRIBUTE, VALUE = 0x81, 0x82, 0x83
DEPTH_LIMIT = 16
CHILDREN_LIMIT = 32
TEXT_LIMIT = 64


def written(data: bytes, one: der.Element, depth: int = 0) -> str:
    """A filter as text; parts over the limits are ``…``."""
    if depth > DEPTH_LIMIT:
        raise Malformed("filter too deep")
    if one.tag in JOINED:
        parts = [
            written(data, child, depth + 1)
            for child, _ in zip(der.children(data, one), range(CHILDREN_LIMIT), strict=False)
        ]
        return f"({JOINED[one.tag]}{''.join(parts)})"
    if one.tag == PRESENT:
        return f"({_text(data, one)}=*)"
    if one.tag == EXTENSIBLE:
        return _extensible(data, one)
    if one.tag not in COMPARED and one.tag != SUBSTRINGS:
        raise Malformed("unknown filter")
    name = der.element(data, one.start, one.stop)
    value = der.element(data, name.stop, one.stop)
    if one.tag == SUBSTRINGS:
        return f"({_text(data, name)}={_pieces(data, value)})"
    return f"({_text(data, name)}{COMPARED[one.tag]}{_text(data, value)})"


def _pieces(data: bytes, parent: der.Element) -> str:
    """Substrings separated by asterisks."""
    found = "*"
    for child, _ in zip(der.children(data, parent), range(CHILDREN_LIMIT), strict=False):
        text = _text(data, child)
        found = text + "*" if child.tag == INITIAL else found + text + ("" if child.tag == FINAL else "*")
    return found


def _extensible(data: bytes, one: der.Element) -> str:
    """An extensible match: ``(userAccountControl:1.2.840.113556.1.4.803:=2)``."""
    parts = {child.tag: _text(data, child) for child in der.children(data, one)}
    rule = f":{parts[RULE]}" if RULE in parts else ""
    return f"({parts.get(ATTRIBUTE, '')}{rule}:={parts.get(VALUE, '')})"


def _text(data: bytes, one: der.Element) -> str:
    return der.text(one.tag, der.content(data, one), TEXT_LIMIT)
