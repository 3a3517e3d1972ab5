"""The shape of a request's content: for cookies and bodies only type and length are reported, because they contain
sessions and passwords.

A shape is ``base64:28``, ``hex:10``, ``digits:13``, ``word:7``, ``text:40`` or ``binary:64``; the number is the length
in bytes after unescaping. Values with unusual characters (``${``, quotes, backquotes, ``../`` and similar) are reported
verbatim unless their name marks them as secret: such values may be injected commands and queries.
"""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Iterator
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.reader import clean
from sensor.core.words import Words
from sensor.dissectors.shared.http_message import EXPLOIT

One = TypeVar("One")

PARTS_LIMIT = 8
NAME_LIMIT = 40
ODD_LIMIT = 512
BODY_LIMIT = 4096
QUOTES = b' "'
FORM = "application/x-www-form-urlencoded"
# Header fields that are reported elsewhere, or of which only exploits are.
PRIVATE = frozenset(
    (
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        b"content-length",
        b"if-none-match",
        b"if-match",
    )
)
CREDENTIALS = (b"authorization", b"proxy-authorization")
BASIC = b"basic "
HOST_LIMIT = 255  # bytes: no name is longer (RFC 1035, 2.3.4)
# Cookies contain sessions: only parts with characters of exploits are reported.
ODD_COOKIE = lazy_pattern(rb"\.\./|\$[{(]|`|jndi:|rO0AB|\xac\xed\0\x05|'\s*(?:or|and|union)\b|\(\)\s*\{", re.IGNORECASE)
# A shell function contains the separator of cookies.
_FUNCTION = lazy_pattern(rb"\(\)\s*\{.{0,200}", re.DOTALL)
# Names with one of these words, or equal to one of these names, mark a value as secret.
SECRET_WORDS = Words(b"pass", b"pwd", b"psw", b"secret", b"token", b"session", b"credential")
SECRET_NAMES = (b"pw", b"pin")
ODD = lazy_pattern(
    rb"[${}`|<>\\]|\.\./|\(\)|jndi:|rO0AB|\xac\xed\0\x05|'\s*(?:(?:or|and|union)\b|[;)]\s*\w)", re.IGNORECASE
)
# Texts one of which is in everything that ODD and ODD_COOKIE find; most heads have none of them.
ODD_SIGNS = Words(
    b"$", b"{", b"}", b"`", b"|", b"<", b">", b"\\", b"../", b"()", b"jndi:", b"ro0ab", b"\xac\xed\0\x05", b"'",
)  # fmt: skip
# In bodies also characters that separate commands or texts. JSON and XML have braces and brackets of their own.
ODD_FORM = lazy_pattern(rb"[${}`|<>\\';]|&&|\.\./|\(\)|jndi:|rO0AB|\xac\xed\0\x05|--|/\*", re.IGNORECASE)
# Commands, queries and addresses of exploits without such characters: searched for in forms with one of the words.
FORM_WORDS = Words(
    b"union", b"sleep", b"waitfor", b"concat", b"or+", b"and+", b"or%20", b"and%20", b"passwd", b"169.254",
    b"metadata.", b"gopher", b"=id", b"=whoami", b"=uname", b"=ls", b"=cat", b"=dir", b"=net", b"=ipconfig",
    b"=ifconfig", b"%0awget", b"%0a/bin", b"=%2fwey",
)  # fmt: skip
# A value that ends, and a command in the next line.
COMMAND_LINE = lazy_pattern(rb"[\w.-]{1,40}=[\w.:-]{0,40}\n(?:wget|/bin/\w{2,8})\s", re.IGNORECASE)
ODD_WORDED = lazy_pattern(
    rb"\bunion\b.{1,40}\bselect\b|\b(?:sleep|benchmark|concat)\s*\(|\bwaitfor\s+delay\b|"
    rb"\b(?:or|and)\s+\(?(?:\d{1,8}\s*=|select\b)|/etc/passwd|\b169\.254\.169\.254\b|\bmetadata\.google\b|gopher://|"
    rb"\A" + COMMAND_LINE.pattern + rb"|=/wEy|"
    rb"\A(?:cmd|command|exec|execute|shell|c|x)=(?:id|whoami|uname|ls|cat|dir|net|ipconfig|ifconfig)(?:\s|\Z)|"
    + ODD_FORM.pattern,
    re.IGNORECASE,
)
# Texts one of which is in every unusual part of a body, except for commands; most bodies have none of them.
MARKS = Words(
    b"${", b"$(", b"`", b"||", b"&&", b"../", b"<%", b"<?php", b"<!entity", b"\xac\xed\0\x05", b"#post_render", b"%{",
    b"{{", b"<!doctype", b'@type"', b"/dev/tcp/", b"//169.254.169.254", b"' or ", b"' and ", b"'--", b"__proto__",
    b"__import__", b"__construct()", b"__unhandled_exc__", b'$ne"', b'$gt"', b'$regex"', b"<dynamic-proxy",
)  # fmt: skip
WORDS = Words(
    b"ro0ab", b"aaeaaad", b"union", b"processbuilder", b"java.lang.runtime", b"objectdataprovider", b"classloader",
    b"auto_prepend_file", b"getruntime", b"mainmodule", b"scriptengine", b"io.popen", b"os.execute", b"netkeyboard",
    b"loopback", b"dataisurl", b"gopher://", b"chromeoptions", b"jndi:", b".os.system<", b".functors.", b".xsltc.",
    b"(select sleep(", b"(select(sleep(", b"(metadata", b"\\fnstream", b"@exec(", b"=exec(", b"@/etc/",
    b"@/proc/", b"!ruby/",
)  # fmt: skip
ODD_COMMAND = lazy_pattern(
    rb";\s*(?:wget|curl|tftp|cat|id|ls|sh|bash|nc|rm|ping|sleep|uname|whoami|chmod|telnetd|busybox|/bin/\w+)\b",
    re.IGNORECASE,
)
# Without words, each alternative begins with a character that has no case, which is found much faster.
ODD_MARK = lazy_pattern(b"|".join((*map(re.escape, MARKS.texts), ODD_COMMAND.pattern)), re.IGNORECASE)
ODD_BODY = lazy_pattern(
    b"|".join(
        (
            ODD_MARK.pattern,
            *(re.escape(word) for word in WORDS.texts if word != b"union"),
            rb"\bunion\b[^\r\n]{1,40}\bselect\b",
        )
    ),
    re.IGNORECASE,
)
BEFORE, AFTER = 120, 200
# A name that marks its value as secret, with the value: in JSON, XML and multipart forms. Paths with such a word.
_SECRET_VALUE = lazy_pattern(
    rb"(?:(?P<json>\")|<(?:\w{1,20}:)?|name=\")(?:[\w.-]{0,40}(?:"
    + b"|".join(SECRET_WORDS.texts)
    + rb")[\w.-]{0,40}|pw|pin)(?(json)\"\s{0,8}:\s{0,8}(?:\"(?:[^\"\\]|\\.){0,512}\"|[\w.+-]{1,80}|(?=\{\s{0,4}\"\$))|"
    rb"(?:\"\r?\n\r?\n[^\r\n]{0,512}|(?:\s[^<>]{0,200})?>[^<]{0,512}</[\w.:-]{1,80}>))",
    re.IGNORECASE,
)
_OPEN_PATH = lazy_pattern(rb"/etc/passwd|/security-credentials")
# Such a word in front of what may be its value; not in a list of columns, or at the end of a line or of a program.
_BEFORE_VALUE = lazy_pattern(
    rb"(?:"
    + b"|".join(SECRET_WORDS.texts)
    + rb")[\w.-]{0,40}+(?!\s{0,4}(?:[,);\r\n]|\Z|from\b|where\b)|(?<=\spass)\"\s{0,4}})",
    re.IGNORECASE,
)
_LINE_END = lazy_pattern(rb"[\r\n]")
_KINDS = (
    ("digits", lazy_pattern(rb"\d+\Z")),
    ("hex", lazy_pattern(rb"(?:[0-9a-f]+|[0-9A-F]+)\Z")),
    ("word", lazy_pattern(rb"(?:[A-Z]?[a-z]{0,24}|[A-Z]{1,12})(?:[-_. ][A-Za-z]{1,24}){0,4}\d{0,4}\Z")),
    ("base64", lazy_pattern(rb"[A-Za-z0-9+/_-]{8,}={0,2}\Z")),
)
_TEXT = lazy_pattern(rb"[\t\r\n\x20-\x7e\x80-\xff]*\Z")
_NOT_ASCII = bytes(range(0x80, 0x100))


def shape_of(value: bytes) -> str:
    """Type and length of a value."""
    for name, pattern in _KINDS:
        if pattern.match(value):
            return f"{name}:{len(value)}"
    printable = _TEXT.match(value) and (len(value) - len(value.translate(None, _NOT_ASCII))) * 4 <= len(value)
    return f"{'text' if printable else 'binary'}:{len(value)}"


def cookie_shapes(raw: bytes) -> str:
    """``session=base64:28; lang=word:2`` of a Cookie field: names and shapes, in order."""
    parts = (part.strip().partition(b"=") for part in raw.split(b";", PARTS_LIMIT)[:PARTS_LIMIT])
    return "; ".join(f"{clean(name, NAME_LIMIT)}={shape_of(value.strip(QUOTES))}" for name, _, value in parts if name)


def odd_fields(fields: dict[bytes, bytes]) -> tuple[tuple[str, str], ...]:
    """(name, value) of header fields with unusual characters; of fields with secrets only exploits are reported."""
    odd = _odd_values(fields) if ODD_SIGNS.any_in(b"\n".join(fields.values())) else iter(())
    shown = itertools.chain(odd, _odd_others(fields))
    return tuple((clean(name, NAME_LIMIT), clean(value[:ODD_LIMIT])) for name, value in _few(shown))


def _odd_values(fields: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    for name, value in fields.items():
        if name == b"cookie":
            yield from _odd_cookies(value)
        elif ODD.search(value):
            if name not in PRIVATE and not _is_secret(name):
                yield name, value
            elif EXPLOIT.search(value):
                yield name, _masked(value)


def _odd_others(fields: dict[bytes, bytes]) -> Iterator[tuple[bytes, bytes]]:
    """A host that is longer than any name, and exploits in encoded credentials (RFC 7617)."""
    if len(fields.get(b"host", b"")) > HOST_LIMIT:
        yield b"host", fields[b"host"]
    for name in CREDENTIALS:
        value = fields.get(name, b"")
        if value[: len(BASIC)].lower() == BASIC and EXPLOIT.search(login := _decoded(value[len(BASIC) :])):
            yield name, _masked(login)


def _decoded(value: bytes) -> bytes:
    try:
        return base64.b64decode(value)
    except ValueError:
        return b""


def _odd_cookies(raw: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Cookies with values that sessions do not have."""
    if ODD_COOKIE.search(raw):
        function = _FUNCTION.search(raw)
        parts = [function[0]] if function else raw.split(b";")
        yield from ((b"cookie", part.strip()) for part in parts if ODD_COOKIE.search(part))


def body_shape(body: bytes, media_type: str, length: int) -> str:
    """The fields of a form with the shapes of their values (``a=hex:120&b=digits:3``); for other bodies one shape.
    ``length``: of the whole body, -1 unknown.
    """
    size = max(length, len(body))
    if media_type == FORM and b"=" in body[:NAME_LIMIT]:
        parts = [part.partition(b"=") for part in body.split(b"&", PARTS_LIMIT)[:PARTS_LIMIT]]
        return "&".join(f"{clean(name, NAME_LIMIT)}={_form_shape(name, value)}" for name, _, value in parts)
    if body.startswith((b"{", b"[")):
        kind = "json"
    elif body.startswith(b"<"):
        kind = "xml"
    else:
        kind = shape_of(body[:BODY_LIMIT]).partition(":")[0]
    return f"{kind}:{size}"


def _form_shape(name: bytes, value: bytes) -> str:
    return "secret" if _is_secret(name) else shape_of(unquote_to_bytes(value.replace(b"+", b" ")))


def odd_parts(body: bytes, media_type: str) -> tuple[str, ...]:
    """Parts of a body with unusual characters: ``name=value`` of a form, the context in others. Never values with
    secret names.
    """
    body = body[:BODY_LIMIT]
    if media_type == FORM:
        return tuple(clean(part[:ODD_LIMIT]) for part in _few(_odd_form(body)))
    found = (part for part in _odd_body(body) if not _BEFORE_VALUE.search(_OPEN_PATH.sub(b"", part)))
    return tuple(clean(part[:ODD_LIMIT]) for part in _few(found))


def _odd_body(body: bytes) -> Iterator[bytes]:
    """Unusual characters with their context in the line, without the values of secret names."""
    worded = WORDS.any_in(body)
    if not worded and not MARKS.any_in(body) and (b";" not in body or not ODD_COMMAND.search(body)):
        return
    body, stop = _SECRET_VALUE.sub(_masked, body), 0
    for match in (ODD_BODY if worded else ODD_MARK).finditer(body):
        if match.start() < stop:
            continue
        start = max(stop, match.start() - BEFORE)
        start = max(start, body.rfind(b"\n", start, match.start()) + 1, body.rfind(b"\r", start, match.start()) + 1)
        end = _LINE_END.search(body, match.end(), match.end() + AFTER)
        stop = end.start() if end else match.end() + AFTER
        yield body[start:stop]


def _masked(secret: bytes | re.Match[bytes]) -> bytes:
    """Stars in place of a secret, and the exploit in it."""
    found = EXPLOIT.search(secret if isinstance(secret, bytes) else secret[0])
    return b"***" + (found[0] if found else b"")


def _odd_form(body: bytes) -> Iterator[bytes]:
    odd = ODD_WORDED if FORM_WORDS.any_in(body) else ODD_FORM
    for part in body.split(b"&")[: PARTS_LIMIT * 4]:
        plain = unquote_to_bytes(part.replace(b"+", b" "))
        if not odd.search(plain):
            continue
        if not _is_secret(plain.partition(b"=")[0]):
            yield plain.replace(b"\n", b"%0a", 1) if COMMAND_LINE.match(plain) else plain
        elif EXPLOIT.search(plain):
            yield _masked(plain)


def _is_secret(name: bytes) -> bool:
    """Whether a name marks its value as secret."""
    return SECRET_WORDS.any_in(name) or name.lower().removesuffix(b"\n") in SECRET_NAMES


def _few(found: Iterator[One]) -> list[One]:
    return list(itertools.islice(found, PARTS_LIMIT))
