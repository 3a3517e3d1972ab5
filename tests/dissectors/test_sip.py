"""SIP: requests, responses, programs and the device they describe; messages segmented anywhere on TCP."""

from __future__ import annotations

import pytest

from sensor.core.addresses import parse
from sensor.core.packet import Packet
from sensor.core.reader import Malformed
from sensor.dissectors.sip import Sip, SipResponse
from tests.dissectors.samples import events, facts, packets, values
from tests.native.reference import Pair

REGISTER = (
    b"REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.5\r\nFrom: <sip:212@pbx>;tag=1\r\nTo: "
    b"<sip:212@pbx>\r\nCall-ID: c1\r\nCSeq: 1 REGISTER\r\n"
    b"User-Agent: snomD785/10.1.42.14\r\nContent-Length: 0\r\n\r\n"
)
OK = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.5\r\nFrom: <sip:212@pbx>\r\nTo: "
    b"<sip:212@pbx>\r\nCall-ID: c1\r\nCSeq: 1 REGISTER\r\n"
    b"Server: pbx/1\r\nContent-Length: 0\r\n\r\n"
)
REGISTERED = ("SipRequest", "REGISTER", "sip:pbx", "212@pbx", "212@pbx", "c1", 1, "snomD785/10.1.42.14", False, False)


def dissect(payload: bytes, **fields: int) -> list[object]:
    return list(
        Sip().dissect(Packet(payload, src=parse("10.0.0.5"), src_mac=0x020000000005, sport=5060, dport=5060, **fields))
    )


def with_header(line: bytes, message: bytes = REGISTER) -> bytes:
    return message.replace(b"Content-Length", line + b"\r\nContent-Length")


def test_the_removal_of_a_registration() -> None:
    """A REGISTER with the contact "*" removes all contacts of its account; one with a list of contacts does not."""
    request, removal = events(list(Sip().dissect(packets("sip")[6])))
    assert request[:4] == ("SipRequest", "REGISTER", "sip:10.20.30.5:5060", "212@10.20.30.5")
    assert removal == ("SipUnregistration", "212@10.20.30.5", "6", 1)
    assert events(dissect(with_header(b"Contact:  *")))[1:] == [("SipUnregistration", "212@pbx", "c1", 1)]
    for other in (b"Contact: <sip:*@10.0.0.5>", b"Contact: *, <sip:212@10.0.0.5>", b"X-Contact: *"):
        assert events(dissect(with_header(other))) == [REGISTERED]


def test_plug_and_play_reports_the_model() -> None:
    """A phone that requests its configuration reports vendor, model and version in the Event header."""
    parsed = list(Sip().dissect(packets("sip")[0]))
    assert events(parsed)[0][:2] == ("SipRequest", "SUBSCRIBE")
    assert facts(parsed) == [
        ("02:00:5e:00:53:02", "10.20.30.12", "sip.user_agent", "Yealink SIP-T46S 66.86.0.15"),
        (
            "02:00:5e:00:53:02",
            "10.20.30.12",
            "sip.profile",
            'ua-profile;profile-type="device";vendor="Yealink";model="SIP-T46S";version="66.86.0.15"',
        ),
    ]


def test_registration() -> None:
    """Request, challenge, request with credentials and acceptance are reported; the credentials themselves are not."""
    request, challenge, again, accepted = (list(Sip().dissect(packet)) for packet in packets("sip")[1:5])
    own = ("212@10.20.30.5", "212@10.20.30.5", "2@10.20.30.12")
    program, server = "Yealink SIP-T46S 66.86.0.15", "FPBX-16.0.40.7(18.15.0)"
    assert events(request) == [("SipRequest", "REGISTER", "sip:10.20.30.5:5060", *own, 1, program, False, False)]
    assert events(challenge) == [
        ("SipResponse", 401, "Unauthorized", "REGISTER", *own, 1, server, True, "digest", "pbx", "", False, "5f", False)
    ]
    assert events(again) == [("SipRequest", "REGISTER", "sip:10.20.30.5:5060", *own, 2, program, True, False)]
    assert events(accepted) == [
        ("SipResponse", 200, "OK", "REGISTER", *own, 2, server, False, "", "", "", False, "", False)
    ]
    assert values(again) == [("sip.user_agent", program), ("sip.device_header", "X-Serialnumber: 0015655E5302")]
    assert facts(accepted) == [("02:00:5e:00:53:05", "10.20.30.5", "sip.server", server)]
    assert "Digest" not in repr(events(again) + values(again) + events(challenge) + values(challenge))


@pytest.mark.parametrize(
    ("header", "requested"),
    [
        (
            b'Digest realm="pbx, 2nd floor",nonce="5f==",algorithm=SHA-256, qop="auth,auth-int"',
            ("digest", "pbx, 2nd floor", "SHA-256", True, "5f=="),
        ),
        (b"dIGEST algorithm=MD5 , Realm = asterisk", ("digest", "asterisk", "MD5", False, "")),
        (b'Basic realm="pbx"', ("basic", "pbx", "", False, "")),
        (b"NTLM", ("ntlm", "", "", False, "")),
        (b'Digest realm="' + b"x" * 3000, ("digest", "", "", False, "")),
        (b"Digest " + b"a=1," * 500 + b"qop=auth", ("digest", "", "", False, "")),
    ],
)
def test_how_a_password_is_requested(header: bytes, requested: tuple[object, ...]) -> None:
    """Parameters of the first challenge are read, quoted or not, in any case; endless ones are omitted."""
    head = (
        b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP 10.0.0.9\r\nCSeq: 1 REGISTER\r\nCall-ID: "
        b"c\r\nFrom: <sip:1@x>\r\nTo: <sip:1@x>\r\n"
    )
    [event] = events(
        dissect(head + b"WWW-Authenticate: " + header + b"\r\nWWW-Authenticate: Digest realm=other\r\n\r\n")
    )
    assert event[-7:] == (True, *requested, False)


@pytest.mark.parametrize(
    ("parameter", "stale"),
    [(b'stale="true"', True), (b"stale=TRUE", True), (b"stale=false", False), (b'opaque="stale=true"', False)],
)
def test_old_nonces(parameter: bytes, stale: bool) -> None:
    """A challenge that replaces an old nonce (RFC 7616, 3.3) is recognized, natively as well."""
    payload = OK.replace(b"200 OK", b"401 Unauthorized")
    challenge = b'WWW-Authenticate: Digest realm="pbx", nonce="2", ' + parameter
    packet = Packet(with_header(challenge, payload), src=parse("10.0.0.5"), sport=5060, dport=5060, proto=17)
    [event] = [one for one in Sip().dissect(packet) if isinstance(one, SipResponse)]
    assert (event.stale, event.nonce) == (stale, "2")
    assert Pair("sip").compare(packet) == (True, "")


def test_compact_and_folded_headers() -> None:
    """Compact names, folded lines, spaces before the colon and other letter case are the same headers."""
    payload = (
        b'INVITE sip:213@pbx SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.5\r\nf: "Front <desk>"\r\n\t<sip:212@pbx;x=1>;tag=1\r\n'
        b"T : sip:213@pbx;tag=2\r\ni: c2\r\ncseq: 7\r\n INVITE\r\nUSER-AGENT: a\r\n b\r\nl: 3\r\n\r\nv=0"
    )
    parsed = dissect(payload)
    assert events(parsed) == [
        ("SipRequest", "INVITE", "sip:213@pbx", "212@pbx", "213@pbx", "c2", 7, "a b", False, False)
    ]
    assert values(parsed) == [("sip.user_agent", "a b")]


@pytest.mark.parametrize("via", [b"Via: SIP/2.0/UDP 10.0.0.9", b"v: SIP/2.0/UDP 10.0.0.9"])
def test_forwarded_request_is_not_the_proxys(via: bytes) -> None:
    """A request with a second Via was forwarded by a proxy: its program is not the sender's."""
    parsed = dissect(with_header(via))
    assert events(parsed) == [REGISTERED]
    assert values(parsed) == []
    listed = dissect(REGISTER.replace(b"UDP 10.0.0.5", b"UDP 10.0.0.1, SIP/2.0/UDP 10.0.0.5"))
    assert values(listed) == []


@pytest.mark.parametrize(
    ("contact", "own"),
    [
        (b"<sip:213@10.0.0.5:5062>", True),
        (b"<sip:213@10.0.0.77>", False),
        (b'"Desk \\"<3>\\"" <sip:213@10.0.0.77>;+sip.instance="<urn:uuid:0015655e5302>"', False),
        (b"<sip:213@phone.example>", True),
        (b"<sip:213@[2001:db8::7]>", False),
    ],
)
def test_response_passed_on_is_not_the_proxys(contact: bytes, own: bool) -> None:
    """A response to a call whose Contact is another host was forwarded."""
    parsed = dissect(with_header(b"Contact: " + contact, OK.replace(b"1 REGISTER", b"1 INVITE")))
    assert events(parsed)[0][:2] == ("SipResponse", 200)
    assert values(parsed) == ([("sip.server", "pbx/1")] if own else [])


def test_answer_to_a_registration_lists_the_client() -> None:
    """In the response to a registration Contact repeats the client's, so the server is the sender."""
    assert values(dissect(with_header(b"Contact: <sip:212@10.0.0.77>", OK))) == [("sip.server", "pbx/1")]


@pytest.mark.parametrize(
    "line",
    [
        b"X-Serial-Number: 1",
        b"P-Access-Network-Info: IEEE-802.11",
        b"X-User-Agent: Poly",
        b"Mac: 00:15:65:5e:53:02",
        b"x-model: T46S",
    ],
)
def test_headers_that_name_a_device(line: bytes) -> None:
    """X- and P- headers about hardware are observations, unchanged."""
    assert ("sip.device_header", line.decode()) in values(dissect(with_header(line)))


@pytest.mark.parametrize("line", [b"X-Call-Reason: 1", b"P-Asserted-Identity: <sip:1@a>", b"Serial: 5"])
def test_headers_that_name_none(line: bytes) -> None:
    """Other headers are not observations."""
    assert values(dissect(with_header(line))) == [("sip.user_agent", "snomD785/10.1.42.14")]


def test_event_of_other_subscriptions_is_no_profile() -> None:
    """Only the plug-and-play profile is an observation, and only in a SUBSCRIBE."""
    subscribe = REGISTER.replace(b"REGISTER", b"SUBSCRIBE")
    assert "sip.profile" not in dict(values(dissect(with_header(b"Event: message-summary", subscribe))))
    profile = b'Event: ua-profile;vendor="snom";model="D785"'
    assert (
        dict(values(dissect(with_header(profile, subscribe))))["sip.profile"] == 'ua-profile;vendor="snom";model="D785"'
    )
    assert "sip.profile" not in dict(values(dissect(with_header(profile))))


BINDING = bytes.fromhex("0001 0000 2112a442 b7e7a701bc34d686fa87dfae")
WIREGUARD = bytes.fromhex("04000000 15764979 13000000 00000000 3bc85395 c81aa144 b19f96e6 39fb04b8")


@pytest.mark.parametrize("payload", [b"\r\n\r\n", b"\0\0\0\0", b"\0", BINDING, WIREGUARD])
def test_keep_alive_and_other_protocols(payload: bytes) -> None:
    """Keep-alives, STUN requests and a WireGuard tunnel on the port yield nothing and are not malformed."""
    assert dissect(payload) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"OPTIONS rtsp://a RTSP/1.0\r\n\r\n",
        b"SIP/2.0 2000 OK\r\n\r\n",
        b"SIP/2.0 abc\r\n\r\n",
        b"register sip:a SIP/2.0\r\n\r\n",
        b" SIP/2.0\r\n\r\n",
        REGISTER[:-2],
        with_header(b"no colon"),
        with_header(b"X: " + b"a" * 4096),
        with_header(b"\r\n".join([b"X: 1"] * 128)),
        REGISTER.replace(b"Length: 0", b"Length: x"),
        REGISTER.replace(b"Length: 0", b"Length: 65537"),
    ],
)
def test_malformed(payload: bytes) -> None:
    """Other protocols, invalid start lines or lengths, and headers without end, too many or too long, are malformed."""
    with pytest.raises(Malformed):
        dissect(payload)


def test_bounds_are_reached() -> None:
    """128 headers, a line of 4096 bytes and a body length of 64 KiB are accepted."""
    assert events(dissect(with_header(b"\r\n".join([b"X: 1"] * 121)))) == [REGISTERED]
    assert events(dissect(with_header(b"X: " + b"a" * 4093))) == [REGISTERED]
    assert events(dissect(REGISTER.replace(b"Length: 0", b"Length: 65536"))) == [REGISTERED]


def test_cut_by_the_capture() -> None:
    """A truncated message yields its complete lines. If To is missing, the address of the start line is used."""
    cut = REGISTER[: REGISTER.index(b"14\r\n")]
    assert events(dissect(cut, problem=1)) == [(*REGISTERED[:7], "", False, False)]
    assert dissect(REGISTER[:10], problem=1) == []
    options = b"OPTIONS sip:204@10.0.0.5 SIP/2.0\r\nFrom: <sip:1@1.1.1.1>\r\nTo: <sip:20"
    assert [one[4] for one in events(dissect(options, problem=1))] == ["204@10.0.0.5"]


def stream_of(*parts: bytes) -> list[object]:
    stream = Sip().stream(Packet())
    return [parsed for part in parts for parsed in stream.feed(Packet(proto=6), part, True)]


def test_several_messages_in_one_segment() -> None:
    """A segment may contain several messages and keep-alives; bodies are skipped by their length."""
    with_body = REGISTER.replace(b"Length: 0", b"Length: %d" % len(OK)) + OK
    assert events(stream_of(b"\r\n\r\n" + with_body + b"\r\n" + REGISTER + REGISTER)) == [REGISTERED] * 3


def test_gap_voids_the_half_message() -> None:
    """A gap discards the partial message; parsing resumes at a segment that begins with a message."""
    stream, packet = Sip().stream(Packet()), Packet(proto=6)
    assert list(stream.feed(packet, REGISTER[:60], True)) == []
    assert list(stream.gap(packet, 20, True)) == []
    assert list(stream.feed(packet, REGISTER[80:], True)) == []
    assert events(list(stream.feed(packet, REGISTER, True))) == [REGISTERED]
    assert events(list(stream.feed(packet, REGISTER, False))) == [REGISTERED]


def test_gap_inside_a_body_is_part_of_it() -> None:
    """A gap inside a body is skipped."""
    stream, packet = Sip().stream(Packet()), Packet(proto=6)
    assert events(list(stream.feed(packet, REGISTER.replace(b"Length: 0", b"Length: 100") + b"a" * 10, True))) == [
        REGISTERED
    ]
    list(stream.gap(packet, 50, True))
    assert events(list(stream.feed(packet, b"a" * 40 + REGISTER, True))) == [REGISTERED]


def test_session_descriptions() -> None:
    """An offer reports its program; an answer with another origin address was forwarded and yields no observation."""
    stream = Sip().stream(Packet())
    parsed = [one for packet in packets("sip")[7:] for one in stream.feed(packet, packet.payload, packet.dport == 5060)]
    media = ("audio 11800", "video 11802")
    assert [event for event in events(parsed) if event[0] == "SipMedia"] == [
        *[("SipMedia", "4@10.20.30.12", "", ())] * 2,
        ("SipMedia", "5@10.20.30.12", "10.20.30.12", media),
        ("SipMedia", "5@10.20.30.12", "10.20.30.77", media),
    ]
    assert [fact for fact in values(parsed) if fact[0].startswith("sip.sdp")] == [
        ("sip.sdp_user", "PolycomVVX"),
        ("sip.sdp_session", "Poly VVX"),
        ("sip.sdp_tool", "baresip 1.1.0"),
    ]
    assert values(parsed)[-4:] == [
        ("sip.hostname", "SEP02005E005302"),
        ("sip.device_type", "683"),
        ("sip.instance_id", "uuid:00000000-0000-0000-0000-02005e005302"),
        (
            "sip.alarm",
            (
                'SIP;cause=200;text="cisco-alarm:25 Name=SEP02005E005302 '
                'ActiveLoad=sip88xx.12-8-1-0001-455.loads Last=initialized"'
            ),
        ),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b"v=0\r\no=- 1 1 IN IP4 pbx.example\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n",
            [("SipMedia", "c1", "pbx.example", ("audio 0",))],
        ),
        (b"v=0\no=short\ns= \n", [("SipMedia", "c1", "", ())]),
        (b"no description", []),
    ],
)
def test_odd_descriptions(body: bytes, expected: list[object]) -> None:
    """Placeholder names, short lines and a body of another type yield no observation."""
    parsed = dissect(
        with_header(b"Content-Type: Application/SDP;x=y", REGISTER.replace(b"Length: 0", b"Length: %d" % len(body)))
        + body
    )
    assert events(parsed)[1:] == expected
    assert values(parsed) == [("sip.user_agent", "snomD785/10.1.42.14")]


def test_proxied_description_names_no_device() -> None:
    """A description in a message with a second Via yields no observation."""
    message = (
        with_header(b"Via: SIP/2.0/UDP 10.0.0.9\r\nContent-Type: application/sdp")
        + b"v=0\r\no=Other 1 1 IN IP4 10.0.0.5\r\n"
    )
    assert values(dissect(message.replace(b"Length: 0", b"Length: 34"))) == []


def test_gap_inside_a_description() -> None:
    """A description with a gap is discarded, and the next message is parsed."""
    stream, packet = Sip().stream(Packet()), Packet(proto=6)
    head = with_header(b"Content-Type: application/sdp", REGISTER.replace(b"Length: 0", b"Length: 100"))
    assert len(list(stream.feed(packet, head + b"v=0\r\n", True))) == 2
    list(stream.gap(packet, 50, True))
    assert events(list(stream.feed(packet, b"a" * 45 + REGISTER, True))) == [REGISTERED]


def test_tls_is_left_alone() -> None:
    """An encrypted connection yields nothing and is not malformed."""
    assert stream_of(b"\x16\x03\x01\x02\0\1", REGISTER) == []


def test_upnp_subscription_is_left_alone() -> None:
    """UPnP control points use SUBSCRIBE over HTTP: this is not SIP and not malformed."""
    subscribe = b"SUBSCRIBE /upnp/event/WANIPConn1 HTTP/1.1\r\nHost: 192.168.0.1:80\r\nNT: upnp:event\r\n\r\n"
    stream = Sip().stream(Packet())
    assert list(stream.feed(Packet(proto=6), subscribe, True)) == []
    assert stream.done


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n", b"\x80abc", b"A" * 5000, REGISTER[:30] + b"X: 1\r\n" * 12000])
def test_stream_that_is_not_sip(start: bytes) -> None:
    """Other protocols and endless headers are malformed before they exhaust memory."""
    with pytest.raises(Malformed):
        stream_of(*[start[at : at + 500] for at in range(0, len(start), 500)])
