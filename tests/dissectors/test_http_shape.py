"""Header fields reported literally: those with content that no ordinary value has, and never a session."""

from __future__ import annotations

import random

from sensor.dissectors import _http_shape as shapes
from sensor.dissectors._http_shape import odd_fields


def test_an_expression_in_the_content_type() -> None:
    """An expression in Content-Type, as in the Struts exploit (CVE-2017-5638), is reported; a boundary is not."""
    attack = b"%{(#_='multipart/form-data').(#cmd='id')}"
    assert odd_fields({b"content-type": attack}) == (("content-type", attack.decode()),)
    assert odd_fields({b"content-type": b"multipart/form-data; boundary=----a1"}) == ()


def test_a_cookie_with_an_exploit() -> None:
    """Only the part of a cookie with an exploit is reported; a session with quotes and braces, or a token, is not."""
    session = b'id=0123456789abcdef; prefs={"lang": "en"}'
    assert odd_fields({b"cookie": session}) == ()
    path = b"SESSID=/../../../opt/x`curl${IFS}a`"
    assert odd_fields({b"cookie": session + b"; " + path}) == (("cookie", path.decode()),)


def test_fields_that_are_never_reported() -> None:
    """Credentials are never reported, whatever they contain."""
    assert odd_fields({b"authorization": b"Basic ${jndi:ldap://a}", b"x-token": b"${jndi:ldap://a}"}) == ()


FRAGMENTS = (
    b"$", b"{", b"}", b"`", b"|", b"<", b">", b"\\", b"..", b"/", b"(", b")", b"'", b";", b"&&", b"%", b"=", b"a", b" ",
    b"\r\n", b"JNDI:", b"rO0AB", b"\xac\xed\0\x05", b" or ", b"UNION", b" SELECT ", b" WGET ", b"<?PHP", b"<!ENTITY",
    b"AAEAAAD", b"getRuntime", b"ProcessBuilder", b"java.lang.Runtime", b"ObjectDataProvider", b"classLoader",
    b"auto_prepend_file", b"#post_render",
)  # fmt: skip


def test_what_patterns_find_has_a_sign() -> None:
    """The searches for single texts, which precede those with patterns, exclude nothing that the patterns find."""
    given = random.Random(3)
    found = 0
    for _ in range(4000):
        text = b"".join(given.choices(FRAGMENTS, k=given.randint(1, 7)))
        odd = any(pattern.search(text) for pattern in (shapes.ODD, shapes.ODD_COOKIE))
        assert not odd or shapes.ODD_SIGNS.any_in(text), text
        marks, both = ([one.span() for one in each.finditer(text)] for each in (shapes.ODD_MARK, shapes.ODD_BODY))
        assert marks == both or shapes.WORDS.any_in(text), text
        assert not marks or b";" in text or shapes.MARKS.any_in(text), text
        found += odd + bool(both)
    assert found > 2000
