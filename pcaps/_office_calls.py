"""SIP in the office (RFC 3261): registrations, OPTIONS of the PBX, calls."""

from __future__ import annotations

import hashlib

from pcaps._capture import Capture, Host
from pcaps._office_traffic import rtp

REALM = "asterisk"
SERVER = "FPBX-16.0.40.7(18.16.0)"


class Pbx:
    """The PBX. Signaling passes it; media (RTP) passes between the phones."""

    def __init__(self, capture: Capture, host: Host) -> None:
        self.capture, self.host = capture, host
        self.calls = 0

    def _message(self, first: str, headers: dict[str, str], body: str = "") -> bytes:
        lines = [
            first,
            *(f"{name}: {value}" for name, value in headers.items() if value),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _via(self, host: Host, branch: str) -> str:
        return f"SIP/2.0/UDP {host.ip}:5060;branch=z9hG4bK{branch};rport"

    def _digest(self, method: str, extension: str, nonce: str) -> str:
        uri = f"sip:{self.host.ip}"
        response = hashlib.md5(f"{extension}:{nonce}:{method}".encode(), usedforsecurity=False).hexdigest()
        return (
            "Digest "
            f'username="{extension}",realm="{REALM}",nonce="{nonce}",uri="{uri}",response="{response}",algorithm=MD5'
        )

    def register(self, at: float, phone: Host, extension: str, agent: str) -> None:
        """A registration without credentials, which is challenged, and one with credentials."""
        call = f"{phone.rng.getrandbits(48):012x}@{phone.ip}"
        tag = f"{phone.rng.getrandbits(32):08x}"
        nonce = f"{self.host.rng.getrandbits(64):016x}"
        aor = f"<sip:{extension}@{self.host.ip}>"
        for number in (1, 2):
            via, sequence = self._via(phone, f"{phone.rng.getrandbits(40):010x}"), f"{number} REGISTER"
            common = {"Via": via, "From": f"{aor};tag={tag}", "To": aor, "Call-ID": call, "CSeq": sequence}
            contact = f"<sip:{extension}@{phone.ip}:5060>"
            request = common | {
                "Contact": contact, "Authorization": self._digest("REGISTER", extension,
                nonce) if number == 2 else "", "User-Agent": agent,
                "Max-Forwards": "70", "Expires": "300", "Allow": (
                    "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, "
                    "INFO"
                ),
            }  # fmt: skip
            self.capture.udp(
                at, phone, self.host, 5060, 5060, self._message(f"REGISTER sip:{self.host.ip} SIP/2.0", request)
            )
            response = common | {"To": f"{aor};tag=as{number}{tag}", "Server": SERVER}
            if number == 1:
                first = "SIP/2.0 401 Unauthorized"
                response = response | {"WWW-Authenticate": f'Digest algorithm=MD5, realm="{REALM}", nonce="{nonce}"'}
            else:
                first, response = "SIP/2.0 200 OK", response | {"Contact": f"{contact};expires=300"}
            self.capture.udp(at + 0.003, self.host, phone, 5060, 5060, self._message(first, response))
            at += 0.012

    def qualify(self, at: float, phone: Host, extension: str, agent: str) -> None:
        """OPTIONS of the PBX to verify that a phone is reachable."""
        call, tag = f"{self.host.rng.getrandbits(48):012x}@{self.host.ip}", f"{self.host.rng.getrandbits(32):08x}"
        target = f"sip:{extension}@{phone.ip}:5060"
        common = {
            "Via": self._via(self.host, f"{self.host.rng.getrandbits(40):010x}"),
            "From": f"<sip:Unknown@{self.host.ip}>;tag={tag}", "To": f"<{target}>",
            "Call-ID": call, "CSeq": "102 OPTIONS",
        }  # fmt: skip
        self.capture.udp(
            at,
            self.host,
            phone,
            5060,
            5060,
            self._message(f"OPTIONS {target} SIP/2.0", common | {"User-Agent": SERVER, "Max-Forwards": "70"}),
        )
        response = common | {"To": f"<{target}>;tag={tag[::-1]}", "User-Agent": agent}
        self.capture.udp(at + 0.006, phone, self.host, 5060, 5060, self._message("SIP/2.0 200 OK", response))

    def call(self, at: float, caller: tuple[Host, str, str], callee: tuple[Host, str, str], seconds: float) -> None:
        """INVITE through the PBX, ringing, answer, media in both directions, BYE. Each leg is a dialog of its own: the
        PBX is a back-to-back user agent.
        """
        (phone_a, ext_a, agent_a), (phone_b, ext_b, agent_b) = caller, callee
        self.calls += 1
        legs = (
            (phone_a, self.host, agent_a, SERVER, 20000 + 2 * self.calls),
            (self.host, phone_b, SERVER, agent_b, 21000 + 2 * self.calls),
        )
        for leg, (src, dst, src_agent, dst_agent, _) in enumerate(legs):
            self._leg(
                at + leg * 0.03,
                src,
                dst,
                (ext_a, ext_b),
                (src_agent, dst_agent),
                (phone_a if leg == 0 else phone_b),
                seconds,
            )
        from_ = at + 2.4
        packets = int(seconds / 0.02)
        rtp(self.capture, from_, phone_a, phone_b, 11780, 11790, packets, kind=0, size=160, step=0.02)
        rtp(self.capture, from_ + 0.004, phone_b, phone_a, 11790, 11780, packets, kind=0, size=160, step=0.02)

    def _leg(
        self,
        at: float,
        src: Host,
        dst: Host,
        extensions: tuple[str, str],
        agents: tuple[str, str],
        phone: Host,
        seconds: float,
    ) -> None:
        caller, callee = extensions
        call = f"{phone.rng.getrandbits(48):012x}@{src.ip}"
        tag = f"{phone.rng.getrandbits(32):08x}"
        remote_tag = f"{phone.rng.getrandbits(32):08x}"
        target = f"sip:{callee}@{dst.ip}"
        from_, to_header = f"<sip:{caller}@{src.ip}>;tag={tag}", f"<sip:{callee}@{dst.ip}>"
        branch = f"{phone.rng.getrandbits(40):010x}"

        def headers(sequence: str, to: str, agent: str, *, reply: bool) -> dict[str, str]:
            named = {"Server": agent} if reply and agent == SERVER else {"User-Agent": agent}
            named["Contact"] = f"<sip:{callee if reply else caller}@{(dst if reply else src).ip}:5060>"
            named["Max-Forwards"] = "" if reply else "70"
            return {"Via": self._via(src, branch), "From": from_, "To": to, "Call-ID": call, "CSeq": sequence} | named

        def sdp(host: Host, port: int) -> str:
            session = f"v=0\r\no=- 20 20 IN IP4 {host.ip}\r\ns=call\r\nc=IN IP4 {host.ip}\r\nt=0 0\r\n"
            return f"{session}m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"

        def send(after: float, first: str, sequence: str, to: str, *, reply: bool, body: str = "") -> None:
            fields = headers(sequence, to, agents[reply], reply=reply) | (
                {"Content-Type": "application/sdp"} if body else {}
            )
            self.capture.udp(
                at + after, dst if reply else src, src if reply else dst, 5060, 5060, self._message(first, fields, body)
            )

        answered = f"{to_header};tag={remote_tag}"
        send(0.0, f"INVITE {target} SIP/2.0", "1 INVITE", to_header, reply=False, body=sdp(src, 11780))
        send(0.01, "SIP/2.0 100 Trying", "1 INVITE", to_header, reply=True)
        send(0.15, "SIP/2.0 180 Ringing", "1 INVITE", answered, reply=True)
        send(2.2, "SIP/2.0 200 OK", "1 INVITE", answered, reply=True, body=sdp(dst, 11790))
        send(2.25, f"ACK {target} SIP/2.0", "1 ACK", answered, reply=False)
        send(2.5 + seconds, f"BYE {target} SIP/2.0", "2 BYE", answered, reply=False)
        send(2.51 + seconds, "SIP/2.0 200 OK", "2 BYE", answered, reply=True)
