"""SIP in the office (RFC 3261): phones register, the exchange asks whether they are still there, and somebody makes a
call.
"""

from __future__ import annotations

import hashlib

from pcaps._craft import Machine, Tape
from pcaps._office_speech import rtp

REALM = "asterisk"
SERVER = "FPBX-16.0.40.7(18.16.0)"


class Exchange:
    """The PBX and who is registered with it. Calls go through it; speech goes from phone to phone."""

    def __init__(self, tape: Tape, pbx: Machine) -> None:
        self.tape, self.pbx = tape, pbx
        self.calls = 0

    def _message(self, first: str, headers: dict[str, str], body: str = "") -> bytes:
        lines = [
            first,
            *(f"{name}: {value}" for name, value in headers.items() if value),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def _via(self, host: Machine, branch: str) -> str:
        return f"SIP/2.0/UDP {host.ip}:5060;branch=z9hG4bK{branch};rport"

    def _digest(self, method: str, extension: str, nonce: str) -> str:
        uri = f"sip:{self.pbx.ip}"
        response = hashlib.md5(f"{extension}:{nonce}:{method}".encode(), usedforsecurity=False).hexdigest()
        return (
            "Digest "
            f'username="{extension}",realm="{REALM}",nonce="{nonce}",uri="{uri}",response="{response}",algorithm=MD5'
        )

    def register(self, at: float, phone: Machine, extension: str, agent: str) -> None:
        """Once without credentials, as phones do, and once with."""
        call, tag, nonce = (
            f"{phone.rng.getrandbits(48):012x}@{phone.ip}",
            f"{phone.rng.getrandbits(32):08x}",
            f"{self.pbx.rng.getrandbits(64):016x}",
        )
        who = f"<sip:{extension}@{self.pbx.ip}>"
        for number in (1, 2):
            via, sequence = self._via(phone, f"{phone.rng.getrandbits(40):010x}"), f"{number} REGISTER"
            common = {"Via": via, "From": f"{who};tag={tag}", "To": who, "Call-ID": call, "CSeq": sequence}
            contact = f"<sip:{extension}@{phone.ip}:5060>"
            asked = common | {
                "Contact": contact, "Authorization": self._digest("REGISTER", extension,
                nonce) if number == 2 else "", "User-Agent": agent,
                "Max-Forwards": "70", "Expires": "300", "Allow": (
                    "INVITE, ACK, CANCEL, BYE, OPTIONS, NOTIFY, REFER, "
                    "INFO"
                ),
            }  # fmt: skip
            self.tape.udp(at, phone, self.pbx, 5060, 5060, self._message(f"REGISTER sip:{self.pbx.ip} SIP/2.0", asked))
            answer = common | {"To": f"{who};tag=as{number}{tag}", "Server": SERVER}
            if number == 1:
                first, answer = (
                    "SIP/2.0 401 Unauthorized",
                    answer | {"WWW-Authenticate": f'Digest algorithm=MD5, realm="{REALM}", nonce="{nonce}"'},
                )
            else:
                first, answer = "SIP/2.0 200 OK", answer | {"Contact": f"{contact};expires=300"}
            self.tape.udp(at + 0.003, self.pbx, phone, 5060, 5060, self._message(first, answer))
            at += 0.012

    def qualify(self, at: float, phone: Machine, extension: str, agent: str) -> None:
        """OPTIONS from the exchange, which wants to know whether the phone is still there."""
        call, tag = f"{self.pbx.rng.getrandbits(48):012x}@{self.pbx.ip}", f"{self.pbx.rng.getrandbits(32):08x}"
        target = f"sip:{extension}@{phone.ip}:5060"
        common = {
            "Via": self._via(self.pbx, f"{self.pbx.rng.getrandbits(40):010x}"),
            "From": f"<sip:Unknown@{self.pbx.ip}>;tag={tag}", "To": f"<{target}>",
            "Call-ID": call, "CSeq": "102 OPTIONS",
        }  # fmt: skip
        self.tape.udp(
            at,
            self.pbx,
            phone,
            5060,
            5060,
            self._message(f"OPTIONS {target} SIP/2.0", common | {"User-Agent": SERVER, "Max-Forwards": "70"}),
        )
        answer = common | {"To": f"<{target}>;tag={tag[::-1]}", "User-Agent": agent}
        self.tape.udp(at + 0.006, phone, self.pbx, 5060, 5060, self._message("SIP/2.0 200 OK", answer))

    def call(
        self, at: float, caller: tuple[Machine, str, str], callee: tuple[Machine, str, str], seconds: float
    ) -> None:
        """INVITE through the exchange, ringing, answer, speech both ways, BYE. Each leg is a dialogue of its own: the
        exchange is a back-to-back agent.
        """
        (phone_a, ext_a, agent_a), (phone_b, ext_b, agent_b) = caller, callee
        self.calls += 1
        legs = (
            (phone_a, self.pbx, agent_a, SERVER, 20000 + 2 * self.calls),
            (self.pbx, phone_b, SERVER, agent_b, 21000 + 2 * self.calls),
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
        start = at + 2.4
        packets = int(seconds / 0.02)
        rtp(self.tape, start, phone_a, phone_b, 11780, 11790, packets, kind=0, size=160, step=0.02)
        rtp(self.tape, start + 0.004, phone_b, phone_a, 11790, 11780, packets, kind=0, size=160, step=0.02)

    def _leg(
        self,
        at: float,
        src: Machine,
        dst: Machine,
        extensions: tuple[str, str],
        agents: tuple[str, str],
        owner: Machine,
        seconds: float,
    ) -> None:
        caller, callee = extensions
        call, tag, other = (
            f"{owner.rng.getrandbits(48):012x}@{src.ip}",
            f"{owner.rng.getrandbits(32):08x}",
            f"{owner.rng.getrandbits(32):08x}",
        )
        target = f"sip:{callee}@{dst.ip}"
        start, end = f"<sip:{caller}@{src.ip}>;tag={tag}", f"<sip:{callee}@{dst.ip}>"
        branch = f"{owner.rng.getrandbits(40):010x}"

        def headers(sequence: str, to: str, agent: str, *, reply: bool) -> dict[str, str]:
            named = {"Server": agent} if reply and agent == SERVER else {"User-Agent": agent}
            named["Contact"] = f"<sip:{callee if reply else caller}@{(dst if reply else src).ip}:5060>"
            named["Max-Forwards"] = "" if reply else "70"
            return {"Via": self._via(src, branch), "From": start, "To": to, "Call-ID": call, "CSeq": sequence} | named

        def sdp(host: Machine, port: int) -> str:
            who = f"v=0\r\no=- 20 20 IN IP4 {host.ip}\r\ns=call\r\nc=IN IP4 {host.ip}\r\nt=0 0\r\n"
            return f"{who}m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n"

        def say(after: float, first: str, sequence: str, to: str, *, reply: bool, body: str = "") -> None:
            said = headers(sequence, to, agents[reply], reply=reply) | (
                {"Content-Type": "application/sdp"} if body else {}
            )
            self.tape.udp(
                at + after, dst if reply else src, src if reply else dst, 5060, 5060, self._message(first, said, body)
            )

        told = f"{end};tag={other}"
        say(0.0, f"INVITE {target} SIP/2.0", "1 INVITE", end, reply=False, body=sdp(src, 11780))
        say(0.01, "SIP/2.0 100 Trying", "1 INVITE", end, reply=True)
        say(0.15, "SIP/2.0 180 Ringing", "1 INVITE", told, reply=True)
        say(2.2, "SIP/2.0 200 OK", "1 INVITE", told, reply=True, body=sdp(dst, 11790))
        say(2.25, f"ACK {target} SIP/2.0", "1 ACK", told, reply=False)
        say(2.5 + seconds, f"BYE {target} SIP/2.0", "2 BYE", told, reply=False)
        say(2.51 + seconds, "SIP/2.0 200 OK", "2 BYE", told, reply=True)
