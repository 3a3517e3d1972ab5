"""HTTP: requests, programs and descriptions of servers, without those that proxies pass on; no secrets; streams
segmented anywhere.
"""

from __future__ import annotations

import base64
import gzip

import pytest

from pcaps.dissectors._smb import ntlm_authenticate, ntlm_challenge, version
from sensor.core.addresses import parse
from sensor.core.dissector import Parsed, Stream
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.core.time_units import SECOND
from sensor.dissectors._http_shape import shape_of
from sensor.dissectors.http import Http
from sensor.dissectors.shared.http_message import masked
from sensor.dissectors.shared.seal import password_seal, seal
from tests.dissectors.samples import events, facts, packets, values

CLIENT = Packet(src=parse("10.0.0.5"), src_mac=0x020000000005, sport=50000, dport=80, proto=6)
SERVER = Packet(src=parse("10.0.0.9"), src_mac=0x020000000009, sport=80, dport=50000, proto=6, direction=1)
GET = b"GET /a HTTP/1.1\r\nHost: cam\r\nUser-Agent: probe/1\r\n\r\n"
REQUESTED = (
    "HttpRequest",
    "GET",
    "cam",
    "/a",
    "probe/1",
    "",
    "",
    "",
    "",
    -1,
    False,
    ("host", "user-agent"),
    "",
    (),
    "",
    "",
)
TITLE = b"<html><title>Front door</title>"


def ok(*fields: bytes, body: bytes = b"", start: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join((start, b"Server: cam/1", *fields, b"Content-Length: %d" % len(body), b"", body))


def feed(stream: Stream, data: bytes, from_client: bool = False) -> list[Parsed]:
    return list(stream.feed(CLIENT if from_client else SERVER, data, from_client))


def answered(response: bytes, request: bytes = GET) -> list[Parsed]:
    """The results of a response after a request."""
    stream = Http().stream(CLIENT)
    feed(stream, request, True)
    return feed(stream, response) + list(stream.finish())


def sample() -> list[tuple[list[object], list[object]]]:
    """(events, observations) of each segment of the sample capture, separately for each connection."""
    streams: dict[frozenset[tuple[int, int]], tuple[Stream, int]] = {}
    parsed = []
    for packet in packets("http"):
        ends = frozenset(((packet.src, packet.sport), (packet.dst, packet.dport)))
        stream, client = streams.setdefault(ends, (Http().stream(packet), packet.sport))
        found = list(stream.feed(packet, packet.payload, packet.sport == client))
        parsed.append((list(events(found)), list(facts(found))))
    return parsed


def test_description_of_a_gateway() -> None:
    """A UPnP description describes the server, its embedded devices and comments do not. A control call reports its
    action.
    """
    requested, head, body, mapping, refused = sample()[:5]
    program = "Linux/5.4, UPnP/1.1, MiniUPnPc/2.2.4"
    assert requested[0] == [
        (
            "HttpRequest",
            "GET",
            "10.20.30.1",
            "/igddesc.xml",
            program,
            "",
            "",
            "",
            "",
            -1,
            False,
            ("host", "user-agent"),
            "",
            (),
            "",
            "",
        )
    ]
    assert requested[1] == [("02:00:5e:00:53:04", "10.20.30.66", "http.user_agent", program)]
    server = "FRITZ!Box 7590 UPnP/1.0 AVM FRITZ!Box 7590 154.07.57"
    gateway = ("02:00:5e:00:53:01", "10.20.30.1")
    assert head[0] == [("HttpResponse", 200, server, "text/xml", 598, (), "", "", "GET", "/igddesc.xml", False, False)]
    assert head[1] == [(*gateway, "http.server", server), (*gateway, "http.path", "/igddesc.xml")]
    found = (
        ("upnp.device_type", "urn:schemas-upnp-org:device:InternetGatewayDevice:1"),
        ("upnp.friendly_name", "Gateway & more"),
        ("upnp.manufacturer", "AVM Berlin"),
        ("upnp.model_name", "FRITZ!Box 7590"), ("upnp.model_number", "avm"),
        ("upnp.udn", "uuid:75802409-bccb-40e7-8e6c-02005e005301"), ("upnp.model", "FRITZ!Box 7590; avm"),
        ("upnp.instance", "Gateway & more"),
    )  # fmt: skip
    assert body == ([("HttpDescription", "upnp", found)], [(*gateway, *fact) for fact in found])
    assert mapping[0][0][7] == "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"
    assert refused[1] == [(*gateway, "http.server", server)]


def test_old_nonces() -> None:
    """A challenge that replaces an old nonce (RFC 7616, 3.3) is recognized."""
    for value, stale in ((b"true", True), (b'"TRUE"', True), (b"false", False)):
        challenge = b'WWW-Authenticate: Digest realm="cam", nonce="2", stale=' + value
        event = events(answered(ok(challenge, start=b"HTTP/1.1 401 Unauthorized")))[-1]
        assert (event[0], event[-1]) == ("HttpResponse", stale)


def test_camera_behind_a_password() -> None:
    """Challenges, digest and basic credentials, a compressed page, a login and chunked device information are reported
    without any secret.
    """
    parsed = sample()[5:15]
    assert parsed[1][0] == [
        (
            "HttpResponse",
            401,
            "App-webs/",
            "text/html",
            43,
            ("digest", "basic"),
            "IP Camera(D1234)",
            "",
            "GET",
            "/",
            False,
            False,
        ),
        ("HttpPage", 401, "Document Error: Unauthorized"),
    ]
    assert [fact[2:] for fact in parsed[1][1]] == [("http.server", "App-webs/"), ("http.realm", "IP Camera(D1234)")]
    assert parsed[2][0][0][5:7] == ("digest", "admin")
    assert [fact[2:] for fact in parsed[3][1]] == [("http.server", "App-webs/"), ("http.title", "index & login")]
    assert parsed[4][0] == [
        (
            "HttpRequest",
            "POST",
            "10.20.30.44",
            "/login.cgi?session_token=***&lang=en",
            "",
            "",
            "",
            "",
            "application/x-www-form-urlencoded",
            36,
            False,
            ("host", "content-type", "content-length"),
            "",
            (),
            "",
            "",
        ),
        (
            "HttpBody",
            "POST",
            "10.20.30.44",
            "/login.cgi?session_token=***&lang=en",
            "",
            ("host", "content-type", "content-length"),
            "user=word:5&password=secret&lang=word:2",
            (),
        ),
        (
            "HttpLogin",
            "10.20.30.44",
            "/login.cgi?session_token=***&lang=en",
            ("user", "password", "lang"),
            seal("admin", b"not-told"),
            "admin",
            password_seal(b"not-told"),
        ),
    ]
    assert parsed[6][0][0][5:7] == ("basic", "viewer")
    assert [fact[2:] for fact in parsed[7][1]] == [("http.path", "/ISAPI/System/deviceInfo")]
    assert [fact[2:] for fact in parsed[9][1]] == [
        ("http.server", "gSOAP/2.8"), ("http.path", "/onvif/device_service"), ("onvif.manufacturer", "HIKVISION"),
        ("onvif.model", "DS-2CD2143G2-I"),
        ("onvif.firmware", "V5.7.3 build 220112"), ("onvif.serial", "DS-2CD2143G2-I20220112AAWRJ00000001"),
    ]  # fmt: skip
    assert "not-told" not in repr(sample())


def test_metadata_and_home_network_administration() -> None:
    """DPWS metadata, the computer name in it, and HNAP are reported."""
    parsed = sample()[15:19]
    assert [fact[2:] for fact in parsed[1][1]][1:] == [
        ("wsd.friendly_name", "Brother HL-L5100DN series"), ("wsd.firmware", "1.47"),
        ("wsd.serial", "E75555A0N000001"), ("wsd.manufacturer", "Brother"),
        ("wsd.model_name", "HL-L5100DN series"), ("wsd.hostname", "FRONT-DESK"), ("wsd.workgroup", "OFFICE"),
    ]  # fmt: skip
    assert [fact[2:] for fact in parsed[3][1]] == [
        ("http.path", "/HNAP1/"), ("http.device_name", "attic"), ("http.device_vendor", "D-Link"),
        ("http.device_model", "DIR-868L"),
        ("http.device_firmware", "1.12"),
    ]  # fmt: skip


def test_proxies_share_nothing() -> None:
    """A client's program is reported on requests to a proxy; responses of the proxy and requests it passes on do not
    describe it.
    """
    to_proxy, from_proxy, passed_on, passed_back = sample()[19:23]
    assert [fact[2] for fact in to_proxy[1]] == ["http.user_agent"]
    assert to_proxy[0][0][2:4] == ("shop.example", "http://shop.example/a?q=1")
    assert from_proxy == (
        [
            (
                "HttpResponse",
                200,
                "nginx",
                "text/html",
                19,
                (),
                "",
                "",
                "GET",
                "http://shop.example/a?q=1",
                True,
                False,
            ),
            ("HttpPage", 200, "Shop"),
        ],
        [],
    )
    assert passed_on[0][0][10] is True
    assert passed_on[1] == passed_back[1] == []


@pytest.mark.parametrize("field", [b"Via: 1.1 a", b"X-Cache: HIT", b"X-Forwarded-Host: b", b"Cache-Status: a;hit"])
def test_response_passed_on(field: bytes) -> None:
    """A response with header fields of a proxy does not describe its sender."""
    assert values(answered(ok(field, b"Content-Type: text/html", body=TITLE))) == []


def test_request_passed_on() -> None:
    """A surrogate sends the program of its client on."""
    request = b'GET /a HTTP/1.1\r\nUser-Agent: probe/1\r\nSurrogate-Capability: a="Surrogate/1.0"\r\n\r\n'
    assert values(feed(Http().stream(CLIENT), request, True)) == []


@pytest.mark.parametrize(
    ("via", "program"),
    [
        (b"1.1 cache (squid/6.13)", "squid/6.13"),
        (b"1.1 cdn (Varnish/7.7), 1.1 cache (squid/6.13)", "squid/6.13"),
        (b"http/1.1 edge (ApacheTrafficServer/9.2.5 [cMsSf ])", "ApacheTrafficServer/9.2.5"),
        (b"1.1 10.0.0.1 (Mikrotik HttpProxy)", "Mikrotik HttpProxy"),
        (b"1.1 cache (squid/6.13), 1.1 edge", ""),
        (b"1.1 edge (a)", ""),
        (b"1.1 edge ((a) squid/6.13)", ""),
        (b"1.1 edge (squid/6.13", ""),
        (b"1.1 edge (<b>)", ""),
    ],
)
def test_the_program_of_a_proxy(via: bytes, program: str) -> None:
    """The last entry of Via is of the sender, of a request and of a response."""
    expected = [("http.via", program)] if program else []
    assert values(answered(ok(b"Via: " + via, b"Server: nginx", b"Content-Length: 0"))) == expected
    assert values(feed(Http().stream(CLIENT), b"GET /a HTTP/1.1\r\nVia: " + via + b"\r\n\r\n", True)) == expected


def test_the_program_of_a_proxy_of_clients() -> None:
    """What a proxy of clients forwards may contain the entry of another one: the kind of the observation differs."""
    stream = Http().stream(CLIENT)
    feed(stream, b"GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", True)
    answer = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nVia: 1.1 cdn (Varnish/7.7)\r\nContent-Length: 0\r\n\r\n"
    assert values(feed(stream, answer)) == [("http.proxy", "Varnish/7.7")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"503 Service Unavailable\r\nX-Squid-Error: ERR_DNS_FAIL 0", [("http.server", "squid/6.13")]),
        (b"407 Login\r\nProxy-Authenticate: Basic realm=a", [("http.server", "squid/6.13"), ("http.realm", "a")]),
        (b"407 Login", [("http.server", "squid/6.13")]),
        (b"503 Service Unavailable", []),
    ],
)
def test_responses_of_the_proxy_itself(fields: bytes, expected: list[tuple[str, str]]) -> None:
    """An error and a requested login are of the proxy, what it forwards is not."""
    stream = Http().stream(CLIENT)
    feed(stream, b"GET http://shop.example/ HTTP/1.1\r\nHost: shop.example\r\n\r\n", True)
    answer = b"HTTP/1.1 " + fields + b"\r\nServer: squid/6.13\r\nContent-Length: 0\r\n\r\n"
    assert values(feed(stream, answer)) == expected


def test_tunnel_and_other_protocols_end_the_stream() -> None:
    """CONNECT or an upgrade ends the stream: later bytes are not HTTP."""
    for request, response in (
        (b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 ok\r\n\r\n\x16\x03"),
        (GET, b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81"),
    ):
        stream = Http().stream(CLIENT)
        feed(stream, request, True)
        assert len(events(feed(stream, response))) == 1
        assert stream.done


@pytest.mark.parametrize(
    "asking",
    [b"CONNECT a:443 HTTP/1.1\r\n\r\n", b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
)
def test_a_tunnel_whose_answer_is_not_received(asking: bytes) -> None:
    """If only the client's side was captured, its tunnel data is not malformed HTTP; after a rejection its next request
    is parsed.
    """
    stream = Http().stream(CLIENT)
    assert len(events(feed(stream, asking, True))) == 1
    assert feed(stream, b"\x16\x03\x01\0\xc0\1" + bytes(60), True) == []
    assert events(feed(stream, GET, True)) == [REQUESTED]


@pytest.mark.parametrize(
    ("fields", "cookies"),
    [
        ([b"Set-Cookie: webvpn=; expires=Thu, 01 Jan 1970 22:00:00 GMT; path=/; secure"], ["webvpn"]),
        ([b"Set-Cookie: id=7", b"set-cookie: BIGipServerpool_web=1677787402.36895.0000; path=/"], ["BIGipServer"]),
        ([b"Set-Cookie: NSC_AAAC=f0; path=/", b"Set-Cookie: citrix_ns_id=a"], ["NSC_"]),
        ([b"Set-Cookie: id=a, webvpn=b"], []),
        ([b"Set-Cookie: my_webvpn=b"], []),
        ([b"Set-Cookie: WEBVPN=b"], []),
        ([b"Set-Cookie: webvpn"], []),
        ([b"Set-Cookie: BIGipServerpool=1.2.3", b"Via: 1.1 cache"], []),
    ],
)
def test_cookies_that_identify_a_server(fields: list[bytes], cookies: list[str]) -> None:
    """The known beginning of a name is reported, without the session; not the names of other cookies, nor of cookies
    that a proxy forwards.
    """
    found = [one[2:] for one in facts(answered(ok(*fields))) if one[2] == "http.cookie"]
    assert found == [("http.cookie", cookie) for cookie in cookies]


def test_paths_count_only_with_success() -> None:
    """A path is an observation about the server only if the request succeeds."""
    request = b"GET /onvif/device_service?x=1 HTTP/1.1\r\n\r\n"
    assert values(answered(ok(), request)) == [("http.server", "cam/1"), ("http.path", "/onvif/device_service")]
    assert values(answered(ok(start=b"HTTP/1.1 404 Not Found"), request)) == [("http.server", "cam/1")]
    assert values(answered(ok(), GET)) == [("http.server", "cam/1")]


@pytest.mark.parametrize(
    ("target", "requested"),
    [
        (b"/generate_204", ["cam/generate_204"]),
        (b"/router/firmware/query.aspx?model=X1&token=s", ["cam/router/firmware/query.aspx?model=X1&token=***"]),
        (b"/a/b/firmware/x.bin", ["cam/a/b/firmware/x.bin"]),
        (b"/index.html", []),
        (b"http://other/generate_204", []),
    ],
)
def test_what_devices_ask_their_makers(target: bytes, requested: list[str]) -> None:
    """Connectivity and firmware checks are observations about the client, with secrets masked."""
    parsed = feed(Http().stream(CLIENT), GET.replace(b"/a", target, 1), True)
    assert [value for kind, value in values(parsed) if kind == "http.asked"] == requested


def test_several_requests_at_once_are_not_put_to_responses() -> None:
    """Responses to pipelined requests are not assigned to a request."""
    stream = Http().stream(CLIENT)
    assert len(events(feed(stream, GET + GET, True))) == 2
    assert [event[8:10] for event in events(feed(stream, ok() + ok()))] == [("", ""), ("", "")]


@pytest.mark.parametrize(
    ("body", "fields", "title"),
    [
        (TITLE, b"Content-Type: text/html; charset=utf-8", "Front door"),
        (b"<TITLE lang='a'>\n A &amp; B\t</TITLE>", b"Content-Type: Text/HTML", "A & B"),
        (gzip.compress(TITLE, mtime=0), b"Content-Type: text/html\r\nContent-Encoding: gzip", "Front door"),
        (gzip.compress(TITLE, mtime=0)[:30], b"Content-Type: text/html\r\nContent-Encoding: gzip", None),
        (TITLE, b"Content-Type: text/html\r\nContent-Encoding: br", None),
        (TITLE, b"Content-Type: text/plain", None),
        (TITLE[:20], b"Content-Type: text/html", None),
        (b"a" * 40000 + TITLE, b"Content-Type: text/html", None),
    ],
)
def test_titles(body: bytes, fields: bytes, title: str | None) -> None:
    """Titles are reported, compressed or not, unless the page is unreadable or truncated, or the title comes late."""
    assert dict(values(answered(ok(fields, body=body)))).get("http.title") == title


def test_title_of_an_error_is_no_fact() -> None:
    """The title of an error page is not an observation: error pages look alike on all servers."""
    parsed = answered(ok(b"Content-Type: text/html", body=TITLE, start=b"HTTP/1.1 404 Not Found"))
    assert events(parsed)[-1] == ("HttpPage", 404, "Front door")
    assert values(parsed) == [("http.server", "cam/1")]


def test_title_is_reported_before_the_page_ends() -> None:
    """The title of a long page is reported as soon as it is complete, once."""
    stream = Http().stream(CLIENT)
    parsed = feed(stream, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + TITLE[:25])
    assert values(parsed) == []
    assert values(feed(stream, TITLE[25:])) == [("http.title", "Front door")]
    assert values(feed(stream, TITLE)) == []
    assert list(stream.finish()) == []


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"Basic YWRtaW46YTpi", ("basic", "admin", seal("admin", b"a:b"))),
        (b"basic !!!", ("basic", "", "")),
        (b"Basic YWRtaW4=", ("basic", "", "")),
        (b'Digest username="a b", realm="r"', ("digest", "a b", "")),
        (b"Bearer eyJhbGciOi", ("bearer", "", "")),
        (b"Negotiate TlRM", ("negotiate", "", "")),
        (b"s3cret", ("other", "", "")),
        (b"", ("", "", "")),
    ],
)
def test_credentials(value: bytes, found: tuple[str, str]) -> None:
    """Credentials are reported by scheme, user and seal only."""
    parsed = feed(Http().stream(CLIENT), GET.replace(b"Host", b"Authorization: " + value + b"\r\nHost"), True)
    requested = events(parsed)[0]
    assert (*requested[5:7], requested[-2]) == found


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"/videostream.cgi?user=admin&pwd=a%3Ab", ("query", "admin", seal("admin", b"a:b"))),
        (b"/a?loginpas=x&loginuse=op", ("query", "op", seal("op", b"x"))),
        (b"/a?user=admin", ("", "", "")),
        (b"/a?pwd=x", ("", "", "")),
        (b"/user=admin&pwd=x", ("", "", "")),
    ],
)
def test_credentials_in_the_address(target: bytes, found: tuple[str, str, str]) -> None:
    """Credentials in the query of a camera's URL are reported without the password."""
    requested = events(feed(Http().stream(CLIENT), GET.replace(b"/a", target), True))[0]
    assert (*requested[5:7], requested[-2]) == found
    assert "a%3Ab" not in repr(requested)


def test_ntlm_in_credentials() -> None:
    """NTLM challenges and logins describe both ends, but not a client behind a proxy."""
    challenge = ntlm_challenge("OFFICE", {1: "WEB-1", 2: "OFFICE"}, version(10, 0, 17763))
    login = ntlm_authenticate("anna", "OFFICE", "DESK-04", version(10, 0, 22631))
    requested = (
        b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM "
        + base64.b64encode(challenge)
        + b"\r\nContent-Length: 0\r\n\r\n"
    )
    parsed = feed(Http().stream(CLIENT), requested, False)
    assert events(parsed)[1][:4] == ("NtlmChallenge", "http", "WEB-1", "OFFICE")
    assert ("ntlm.hostname", "WEB-1") in values(parsed)
    proof = b"Authorization: NTLM " + base64.b64encode(login)
    parsed = feed(Http().stream(CLIENT), GET.replace(b"Host", proof + b"\r\nHost"), True)
    assert events(parsed)[1][:6] == ("NtlmLogin", "http", "ntlmv2", "anna", "OFFICE", "DESK-04")
    parsed = feed(Http().stream(CLIENT), GET.replace(b"Host", proof + b"\r\nVia: 1.1 a\r\nHost"), True)
    assert "ntlm.hostname" not in dict(values(parsed))


@pytest.mark.parametrize(
    ("body", "media_type", "fields"),
    [
        (b"user=a&pwd=b", b"application/x-www-form-urlencoded", ("user", "pwd")),
        (b'{"username":"a","password": "b"}', b"application/json", ("username", "password")),
        (b"pwd=b&Login=a", b"application/x-www-form-urlencoded", ("pwd", "Login")),
        (b"user=%61&pwd=%62&pwd=c", b"application/x-www-form-urlencoded", ("user", "pwd")),
        (gzip.compress(b"user=a&pwd=b"), b"application/json\r\nContent-Encoding: gzip", ("user", "pwd")),
        (b"user=a&pwd=b", b"application/json\r\nContent-Encoding: br", None),
        (b"user=a&pwd=b", b"application/json\r\nContent-Encoding: gzip", None),
        (b"q=a&page=2", b"application/x-www-form-urlencoded", None),
        (b"user=a&pwd=b", b"text/plain", None),
    ],
)
def test_logins(body: bytes, media_type: bytes, fields: tuple[str, ...] | None) -> None:
    """Forms and JSON with a password are logins; only field names and a seal are reported."""
    request = b"POST /in HTTP/1.1\r\nHost: cam\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
        media_type,
        len(body),
        body,
    )
    logins = [event for event in events(feed(Http().stream(CLIENT), request, True)) if event[0] == "HttpLogin"]
    assert logins == (
        [("HttpLogin", "cam", "/in", fields, seal("a", b"b"), "a", password_seal(b"b"))] if fields else []
    )


def test_logins_over_xml_rpc() -> None:
    """A login to WordPress is reported, also each of many in one request; other calls are not."""
    values = b"<value><string>%b</string></value>"
    single = b"<methodCall><methodName>wp.getUsersBlogs</methodName><params><param>" + values + b"</param><param>"
    many = b"<name>methodName</name><value><string>wp.getUsersBlogs</string></value></member><member>"
    many += (
        b"<name>params</name><value><array><data><value><array><data>" + values + values + b"</data></array></value>"
    )
    for body, logins in (
        (single % b"a" + values % b"b&amp;", 1),
        (b"".join(many % (b"a", b"b&amp;") for _ in range(5)), 5),
        ((single % b"a" + values % b"b").replace(b"getUsersBlogs", b"getPosts"), 0),
    ):
        request = b"POST /xmlrpc.php HTTP/1.1\r\nHost: cam\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%b"
        parsed = events(feed(Http().stream(CLIENT), request % (len(body), body), True))
        login = (
            "HttpLogin",
            "cam",
            "/xmlrpc.php",
            ("username", "password"),
            seal("a", b"b&"),
            "a",
            password_seal(b"b&"),
        )
        assert [event for event in parsed if event[0] == "HttpLogin"] == [login] * logins


@pytest.mark.parametrize(
    ("target", "found"),
    [
        (b"/a?user=x&password=y&b=1#c", "/a?user=x&password=***&b=1#c"),
        (b"/a?api_key=1&apikey=2&keyword=3&pin=4&ping=5", "/a?api_key=***&apikey=***&keyword=3&pin=***&ping=5"),
        (b"ftp://u:p@host/x", "ftp://host/x"),
        (b"/login;jsessionid=5", "/login;jsessionid=***"),
        (b"/a?password=x$(curl%20a)&b=1", "/a?password=***%24%28curl%20a%29&b=1"),
        (b"/a?session_id='+union+select+1", "/a?session_id=***%27%20union%20select%201"),
        (b"/a?token=a;id=5;pwd=x|y'or5", "/a?token=***;id=5;pwd=***"),
        (b"/plain", "/plain"),
    ],
)
def test_secrets_in_addresses(target: bytes, found: str) -> None:
    """Values of parameters that look like secrets are masked, except for exploits in them."""
    assert masked(target) == found


def test_bodies_are_skipped_by_their_length() -> None:
    """Text inside a body is not parsed as a message; several messages may share a segment."""
    stream = Http().stream(CLIENT)
    post = b"POST /a HTTP/1.1\r\nHost: cam\r\nContent-Length: %d\r\n\r\n%b" % (len(GET), GET)
    parsed = feed(stream, post + b"\r\n" + GET, True)
    assert [event[:2] for event in events(parsed)] == [
        ("HttpRequest", "POST"),
        ("HttpBody", "POST"),
        ("HttpRequest", "GET"),
    ]


SHADOW = b"root:*:19000:0:99999:7:::\nanna:$y$j9T$abcdefgh$0123456789:19000:0:99999:7:::\n"
MULTIPART = (
    b'--x\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\nContent-Type: application/zip\r\n\r\nPK'
    b"\r\n--x\r\nContent-Disposition: form-data; name=f; filename=s.txt\r\n\r\n%b\r\n--x--\r\n" % SHADOW
)


@pytest.mark.parametrize(
    ("method", "path", "media_type", "body", "found"),
    [
        ("POST", "/up", "multipart/form-data", MULTIPART, [("a.zip", ""), ("s.txt", "password_hashes")]),
        ("PUT", "/in/plan.docx?v=1", "", b"PK\3\4", [("plan.docx", "")]),
        ("POST", "/up", "application/x-www-form-urlencoded", SHADOW, [("up", "password_hashes")]),
        ("POST", "/", "", b"-----BEGIN OPENSSH PRIVATE KEY-----\n", [("", "private_key")]),
        ("POST", "/", "", b"Administrator:500:%b:%b:::\n" % (b"a" * 32, b"3" * 32), [("", "password_hashes")]),
        ("POST", "/", "", b"regf" + bytes(20), [("", "registry_hive")]),
        ("POST", "/", "", b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5" + bytes(9), [("", "password_store")]),
        ("POST", "/api", "application/json", b'{"name": "a.zip"}', []),
        ("POST", "/wsman", "multipart/encrypted;boundary=x", b"--x\r\nContent-Type: application/octet-stream", []),
        ("POST", "/pki", "", b"-----BEGIN CERTIFICATE REQUEST-----\n", []),
        ("POST", "/", "", b"root:x:0:0:root:/root:/bin/bash\n" * 90, []),
    ],
)
def test_files_in_bodies(method: str, path: str, media_type: str, body: bytes, found: list[tuple[str, str]]) -> None:
    """Files of forms and of PUT are reported by name, stores of credentials by their first bytes."""
    head = f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    parsed = feed(Http().stream(CLIENT), head.encode() + body, True)
    uploads = [event for event in events(parsed) if event[0] == "HttpUpload"]
    assert uploads == [("HttpUpload", "a", path, name, content, len(body)) for name, content in found]


def test_careless_servers() -> None:
    """Spaces after the start line and a repeated length, which devices send, are accepted."""
    stream = Http().stream(CLIENT)
    head = b"HTTP/1.1 200 OK \r\nServer: cam/1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"
    assert events(feed(stream, GET.replace(b"HTTP/1.1\r\n", b"HTTP/1.1 \r\n"), True)) == [REQUESTED]
    assert [values(feed(stream, head + b"12345")) for _ in range(2)] == [[("http.server", "cam/1")]] * 2


def test_no_body_after_head_and_some_statuses() -> None:
    """Responses to HEAD, and 304, have no body whatever their length field is; 100 is not the final response."""
    stream = Http().stream(CLIENT)
    feed(stream, b"HEAD /a HTTP/1.1\r\n\r\n", True)
    nothing = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"
    parsed = feed(
        stream, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + nothing + nothing
    )
    assert [event[1] for event in events(parsed)] == [200, 304, 304]
    assert events(parsed)[0][8] == "HEAD"


def test_gap_inside_a_body() -> None:
    """A gap inside a body is skipped: the part before it is parsed, and the next response has its request."""
    stream = Http().stream(CLIENT)
    feed(stream, GET, True)
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: "
        b"5000\r\n\r\n<root><device><modelName>M</modelName><serialNumber>1"
    )
    assert values(feed(stream, head)) == []
    rest = 5000 - (len(head) - head.index(b"<root>"))
    assert values(list(stream.gap(SERVER, rest, False))) == [("upnp.model_name", "M")]
    feed(stream, GET, True)
    assert events(feed(stream, ok()))[0][8:10] == ("GET", "/a")


def test_gap_that_may_hold_a_request() -> None:
    """After a gap that may contain a request the server may be a proxy: responses do not describe it until the next
    request is captured.
    """
    stream = Http().stream(CLIENT)
    list(stream.gap(CLIENT, 100, True))
    assert values(feed(stream, ok())) == []
    feed(stream, b"the rest of something", True)
    assert events(feed(stream, GET, True)) == [REQUESTED]
    assert values(feed(stream, ok())) == [("http.server", "cam/1")]


def test_one_direction_only() -> None:
    """If only the server's side was captured, its responses describe it."""
    assert values(feed(Http().stream(CLIENT), ok())) == [("http.server", "cam/1")]


def test_received_from_the_middle() -> None:
    """Bytes before the first message are skipped; after too many of them the direction is ignored."""
    stream = Http().stream(CLIENT)
    assert feed(stream, b"\x16\x03\x01\x02") == []
    assert values(feed(stream, ok())) == [("http.server", "cam/1")]
    assert feed(stream, b"/rest/of/a/request/line HTTP/1.1\r\nHost: cam\r\n\r\n", True) == []
    other = Http().stream(CLIENT)
    for _ in range(20):
        assert feed(other, b"SSH-2.0-OpenSSH_9.6\r\n") == []
    assert feed(other, ok()) == []


@pytest.mark.parametrize(
    "second",
    [
        b"\0\1\2\3",
        b"PRI * HTTP/2.0\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"A" * 9000,
        b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 40000,
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
    ],
)
def test_malformed(second: bytes) -> None:
    """Other bytes after a message, invalid lengths and endless heads are malformed."""
    stream = Http().stream(CLIENT)
    feed(stream, GET, True)
    with pytest.raises(Malformed):
        feed(stream, second, True)


def test_hostile_xml_reports_nothing() -> None:
    """XML with entities, excessive depth or errors yields nothing; the head is still reported."""
    for body in (
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><root><device><modelName>&b;</modelName></device></root>",
        b"<a>" * 5000,
        b"<root><device></root>",
        b"<<<",
    ):
        assert values(answered(ok(b"Content-Type: text/xml", body=body))) == [("http.server", "cam/1")]


def test_unknown_methods_and_careless_fields() -> None:
    """Lines that are not fields are skipped, folded lines continue the field before, and fields of the same name are
    joined.
    """
    parsed = feed(
        Http().stream(CLIENT),
        b"VERSION-CONTROL /a HTTP/1.0\nno field\nHost: [2001:db8::1]:80\nUser-Agent: a\n b\nuser-agent: c\n\n",
        True,
    )
    assert events(parsed) == [
        (
            "HttpRequest",
            "VERSION-CONTROL",
            "2001:db8::1",
            "/a",
            "a b, c",
            "",
            "",
            "",
            "",
            -1,
            False,
            ("host", "user-agent"),
            "",
            (),
            "",
            "",
        )
    ]


def test_an_empty_password_has_no_seal_of_its_own() -> None:
    """It is no password that accounts share."""
    assert (password_seal(b""), password_seal(b"a") == password_seal(b"a")) == ("", True)


def test_shapes_instead_of_secrets() -> None:
    """Cookies and bodies are reported by type and length; their content only if it looks like a command or query
    injection.
    """
    head = (
        b"POST /a?id=1 HTTP/1.1\r\nHost: cam\r\nCookie: session=t05mP2IPW8aKUwELvQCHJfccq1o=; "
        b"lang=en\r\nX-Api-Version: ${jndi:ldap://10.0.0.9/a}\r\n"
    )
    body = b"a=6b3d6b23\x26page=1%27+or+1%3D1\x26password=%24%7Bnot-told%7D"
    head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
    requested, sent, login = events(feed(Http().stream(CLIENT), head + body, True))
    assert requested[-4:-2] == ("session=base64:28; lang=word:2", (("x-api-version", "${jndi:ldap://10.0.0.9/a}"),))
    assert sent[-2:] == ("a=hex:8&page=text:9&password=secret", ("page=1' or 1=1",))
    assert login[0] == "HttpLogin"
    assert "not-told" not in repr((requested, sent, login))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (b"", "word:0"),
        (b"123", "digits:3"),
        (b"0a1f", "hex:4"),
        (b"hello", "word:5"),
        (b"aGVsbG8gd29ybGQ=", "base64:16"),
        (b"a b;c", "text:5"),
        (b"\x00\x01", "binary:2"),
    ],
)
def test_shape_of_values(value: bytes, shape: str) -> None:
    """The shape of a value is its type and length."""
    assert shape_of(value) == shape


def test_a_head_that_is_longer_than_what_is_selected() -> None:
    """Of a head that goes on after four large segments, the complete lines and the field that is too long are
    reported; shorter ones are complete, and the next request is read.
    """
    stream = Http().stream(CLIENT)
    long = b"GET /a HTTP/1.1\r\nUser-Agent: probe/1\r\nHost: " + b"a" * 20_000
    parsed = [event for at in range(0, 5600, 1400) for event in events(feed(stream, long[at : at + 1400], True))]
    assert [(event[3], event[4], len(str(event[2])), event[11]) for event in parsed] == [
        ("/a", "probe/1", 255, ("user-agent", "host", "..."))
    ]
    list(stream.gap(CLIENT, 14_000, True))
    assert events(feed(stream, GET, True)) == [REQUESTED]
    cookie = GET.replace(b"\r\n\r\n", b"\r\nCookie: a=" + b"b" * 5000 + b"\r\n\r\n")
    parsed = [event for at in range(0, 5600, 1400) for event in events(feed(stream, cookie[at : at + 1400], True))]
    assert [event[11] for event in parsed] == [("host", "user-agent", "cookie")]


def test_a_server_that_claims_to_be_windows() -> None:
    """With the hop limit of another system, a server of Windows and its page describe another host: a reverse proxy
    forwards them, or they are forged; with that of Windows, behind routers as well, they describe the sender.
    """
    response = b"HTTP/1.1 200 OK\r\nServer: %b\r\nContent-Type: text/html\r\n\r\n<title>IIS7</title>"
    for server, ttl, own in ((b"Microsoft-IIS/7.5", 64, 0), (b"Microsoft-IIS/7.5", 120, 1), (b"nginx", 64, 1)):
        stream = Http().stream(CLIENT)
        feed(stream, GET, True)
        sender = Packet(src=SERVER.src, src_mac=SERVER.src_mac, sport=80, dport=50000, proto=6, direction=1, ttl=ttl)
        parsed = [*stream.feed(sender, response % server, False), *stream.finish()]
        assert values(parsed) == [("http.server", server.decode()), ("http.title", "IIS7")] * own
        assert [event[2] for event in events(parsed) if event[0] == "HttpResponse"] == [server.decode()]


def pieces(*sent: bytes, every: int = 5) -> list[int]:
    """The numbers of the client's segments after which its request is reported as unfinished."""
    stream, found = Http().stream(CLIENT), []
    for number, data in enumerate(sent):
        packet = Packet(ts=number * every * SECOND, src=CLIENT.src, dst=CLIENT.dst, sport=50000, dport=80, proto=6)
        names = [event[0] for event in events(stream.feed(packet, data, True))]
        found += [number] * ("HttpUnfinished" in names)
    return found


def test_requests_that_go_on_in_small_pieces() -> None:
    """A head (Slowloris) and a body (slow POST) that go on in small pieces are reported once a request, after seconds;
    not a late piece that completes the request, large pieces, later requests, and data of a tunnel.
    """
    post = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 900\r\n\r\n"
    assert pieces(GET[:-2], *[b"X-a: b\r\n"] * 5) == [1]
    assert pieces(post, *[b"a=b&"] * 5) == [1]
    assert pieces(GET[:-2], *[b"X-a: b\r\n"] * 5, every=1) == [5]
    assert pieces(post + bytes(900), GET, GET[:9], GET[9:], GET) == []
    assert pieces(post, *[bytes(150)] * 6) == []
    assert pieces(b"CONNECT a:443 HTTP/1.1\r\n\r\n", *[b"a"] * 5) == []
