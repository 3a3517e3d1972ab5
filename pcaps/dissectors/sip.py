"""SIP: a plug-and-play SUBSCRIBE, a registration with its challenge, the OPTIONS of a scanner, the removal of a
registration; over TCP a call
segmented inside messages, session descriptions, a REGISTER of a Cisco phone.
"""

from __future__ import annotations

from pcaps.dissectors._frames import DESKTOP, PBX, PHONE, Frames, conversation, udp


def sip_message(start: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join((start, *headers, f"Content-Length: {len(body)}", "", body)).encode()


def frames() -> Frames:
    def up(payload: bytes, src: str = "10.20.30.12", src_mac: str = PHONE, sport: int = 5060) -> bytes:
        return udp(src_mac, PBX, src, "10.20.30.5", sport, 5060, payload)

    def down(payload: bytes) -> bytes:
        return udp(PBX, PHONE, "10.20.30.5", "10.20.30.12", 5060, 5060, payload)

    via = "Via: SIP/2.0/UDP 10.20.30.12:5060;branch=z9hG4bK77"
    ends = ('From: "Front desk" <sip:212@10.20.30.5>;tag=a1', "To: <sip:212@10.20.30.5>")
    program = "User-Agent: Yealink SIP-T46S 66.86.0.15"
    profile = 'Event: ua-profile;profile-type="device";vendor="Yealink";model="SIP-T46S";version="66.86.0.15"'
    yield udp(
        PHONE, "01:00:5e:00:01:4b", "10.20.30.12", "224.0.1.75", 5060, 5060,
        sip_message("SUBSCRIBE sip:MAC%3a0015655e5302@224.0.1.75 SIP/2.0", via, (
            "From: "
            "<sip:MAC%3a0015655e5302@224.0.1.75>;tag=b2"
        ),
                    "To: <sip:MAC%3a0015655e5302@224.0.1.75>", "Call-ID: 1@10.20.30.12", "CSeq: 1 SUBSCRIBE",
                    "Contact: <sip:10.20.30.12:5060>", program, profile),
    )  # fmt: skip
    contact = "Contact: <sip:212@10.20.30.12:5060>"
    yield up(
        sip_message(
            "REGISTER sip:10.20.30.5:5060 SIP/2.0",
            via,
            *ends,
            "Call-ID: 2@10.20.30.12",
            "CSeq: 1 REGISTER",
            contact,
            program,
        )
    )
    challenge = 'WWW-Authenticate: Digest realm="pbx", nonce="5f"'
    yield down(
        sip_message(
            "SIP/2.0 401 Unauthorized",
            via,
            *ends,
            "Call-ID: 2@10.20.30.12",
            "CSeq: 1 REGISTER",
            "Server: FPBX-16.0.40.7(18.15.0)",
            challenge,
        )
    )
    credentials = 'Authorization: Digest username="212", realm="pbx", nonce="5f", uri="sip:10.20.30.5", response="0"'
    yield up(
        sip_message(
            "REGISTER sip:10.20.30.5:5060 SIP/2.0",
            via,
            *ends,
            "Call-ID: 2@10.20.30.12",
            "CSeq: 2 REGISTER",
            contact,
            credentials,
            program,
            "X-Serialnumber: 0015655E5302",
        )
    )
    yield down(
        sip_message(
            "SIP/2.0 200 OK",
            via,
            *ends,
            "Call-ID: 2@10.20.30.12",
            "CSeq: 2 REGISTER",
            contact,
            "Server: FPBX-16.0.40.7(18.15.0)",
        )
    )
    scan = (
        "Via: SIP/2.0/UDP 10.20.30.66:5099;branch=z9hG4bK-1;rport",
        'From: "sipvicious"<sip:100@1.1.1.1>;tag=6461',
        'To: "sipvicious"<sip:100@1.1.1.1>',
    )
    yield up(
        sip_message(
            "OPTIONS sip:100@10.20.30.5 SIP/2.0", *scan, "Call-ID: 3", "CSeq: 1 OPTIONS", "User-Agent: friendly-scanner"
        ),
        "10.20.30.66",
        DESKTOP,
        5099,
    )
    removal = ("Call-ID: 6", "CSeq: 1 REGISTER", "Contact: *", "Expires: 0")
    yield up(
        sip_message("REGISTER sip:10.20.30.5:5060 SIP/2.0", *scan[:1], *ends, *removal), "10.20.30.66", DESKTOP, 5099
    )
    call = sip_message(
        "INVITE sip:213@10.20.30.5 SIP/2.0", "v: SIP/2.0/TCP 10.20.30.12", (
            'f: "Front\r\n '
            'desk"\r\n\t<sip:212@10.20.30.5>;tag=c3'
        ),
        "t: <sip:213@10.20.30.5>", "i: 4@10.20.30.12",
        "CSeq: 7 INVITE", "m: <sip:212@10.20.30.12;transport=tcp>", program, "c: application/sdp", body=(
            "v=0\r\ns=-\r\n\r\nINVITE in the body is "
            "none"
        ),
    )  # fmt: skip
    trying = sip_message(
        "SIP/2.0 100 Trying", "v: SIP/2.0/TCP 10.20.30.12", *ends, "i: 4@10.20.30.12", "CSeq: 7 INVITE"
    )
    busy = sip_message(
        "SIP/2.0 486 Busy Here",
        "v: SIP/2.0/TCP 10.20.30.12",
        *ends,
        "i: 4@10.20.30.12",
        "CSeq: 7 INVITE",
        "Server: FPBX-16.0.40.7(18.15.0)",
    )
    sdp = (
        "v=0\r\no=PolycomVVX 1 1 IN IP4 10.20.30.12\r\ns=Poly VVX\r\na=tool:baresip 1.1.0\r\nm=audio "
        "11800 RTP/AVP 0\r\nm=video 11802/2 RTP/AVP 99\r\n"
    )
    offered = sip_message(
        "INVITE sip:214@10.20.30.5 SIP/2.0", "Via: SIP/2.0/TCP 10.20.30.12", *ends, "Call-ID: 5@10.20.30.12",
        "CSeq: 8 INVITE", contact, program, "Content-Type: application/sdp", body=sdp,
    )  # fmt: skip
    answered = sip_message(
        "SIP/2.0 200 OK", "Via: SIP/2.0/TCP 10.20.30.12", *ends, "Call-ID: 5@10.20.30.12", "CSeq: 8 INVITE", (
            "Contact: "
            "<sip:214@10.20.30.5>"
        ),
        "Content-Type: application/sdp", body=sdp.replace("10.20.30.12", "10.20.30.77"),
    )  # fmt: skip
    cisco = sip_message(
        "REGISTER sip:10.20.30.5 SIP/2.0", "Via: SIP/2.0/TCP 10.20.30.12", *ends, "Call-ID: 6@10.20.30.12",
        "CSeq: 9 REGISTER",
        'Contact: '
            '<sip:5@10.20.30.12:5062>;+sip.instance="<urn:uuid:00000000-0000-0000-0000-02005e005302>";+u.sip!devicename.ccm.cisco.com="SEP02005E005302"'
        ';+u.sip!model.ccm.cisco.com="683"',
        (
            'Reason: SIP;cause=200;text="cisco-alarm:25 Name=SEP02005E005302 '
            'ActiveLoad=sip88xx.12-8-1-0001-455.loads Last=initialized"'
        ),
    )  # fmt: skip
    parts = [
        (True, call[:100]),
        (True, call[100:-5]),
        (True, call[-5:] + b"\r\n\r\n"),
        (False, b"\r\n" + trying + busy),
        (True, call),
        (True, offered),
        (False, answered),
        (True, cisco),
    ]
    yield from conversation((PHONE, "10.20.30.12", 5062), (PBX, "10.20.30.5", 5060), parts)
