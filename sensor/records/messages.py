"""The messages that become records, and the form in which the engine passes them to the writer.

A kind is named by its event class, which the engine imports and the writer does not. Each field takes words of 64 bits
in a row: one for a number or a text (offset and size), two for an address. The order of this list is the numbering in a
tail file, which contains the list, so that a writer can read files of an earlier version.
"""

from __future__ import annotations

import enum
import itertools
from typing import NamedTuple


class How(enum.IntEnum):
    """Encoding of a field. ``LIST``: texts, joined by ``SEPARATOR``. ``ANSWERS``: the data of DNS records as a list,
    then the lowest TTL. ``QUESTIONS``: the queried names as a list, then the type of the first.
    """

    NUMBER = 1
    TEXT = 2
    ADDRESS = 3
    LIST = 4
    ANSWERS = 5
    QUESTIONS = 6

    @property
    def words(self) -> int:
        return 2 if self in {How.ADDRESS, How.ANSWERS, How.QUESTIONS} else 1

    @property
    def is_span(self) -> bool:
        """Whether its first word is a span of text."""
        return self not in {How.NUMBER, How.ADDRESS}


SEPARATOR = "\x1f"
_NUMBER, _TEXT, _ADDRESS, _LIST = How.NUMBER, How.TEXT, How.ADDRESS, How.LIST


class Message(NamedTuple):
    """``event``: module and class; ``fields``: names and encodings; ``ends``: the event has its own client and server
    fields (``LoginAttempt``).
    """

    event: str
    fields: tuple[tuple[str, How], ...]
    ends: bool = False

    @property
    def name(self) -> str:
        return self.event.partition(":")[2]

    @property
    def words(self) -> int:
        return sum(how.words for _, how in self.fields)

    @property
    def spans(self) -> list[int]:
        """Indexes of the words that are spans of text."""
        ends = itertools.accumulate(how.words for _, how in self.fields)
        return [end - how.words for end, (_, how) in zip(ends, self.fields, strict=True) if how.is_span]


def _message(event: str, ends: bool = False, **fields: How) -> Message:
    return Message(f"sensor.{event}", tuple(fields.items()), ends)


_DHCP = ("Discover", "Offer", "Request", "Decline", "Ack", "Nak", "Release", "Inform")
MESSAGES = (
    _message("dissectors.dns:DnsQuery", id=_NUMBER, name=_TEXT, type=_NUMBER),
    _message("dissectors.dns:DnsResponse", id=_NUMBER, name=_TEXT, type=_NUMBER, rcode=_NUMBER, answers=How.ANSWERS),
    _message("dissectors.llmnr:LlmnrQuery", id=_NUMBER, name=_TEXT, type=_NUMBER),
    _message("dissectors.llmnr:LlmnrResponse", id=_NUMBER, name=_TEXT, type=_NUMBER, rcode=_NUMBER,
    answers=How.ANSWERS),
    _message("dissectors.mdns:MdnsQuery", questions=How.QUESTIONS),
    _message("dissectors.mdns:MdnsAnnouncement", records=How.ANSWERS),
    _message("dissectors.http:HttpRequest", method=_TEXT, host=_TEXT, path=_TEXT, user_agent=_TEXT, user=_TEXT,
    length=_NUMBER),
    _message("dissectors.http:HttpResponse", status=_NUMBER, server=_TEXT, content_type=_TEXT, length=_NUMBER,
    method=_TEXT, path=_TEXT),
    _message("dissectors.tls:TlsClientHello", sni=_TEXT, alpn=_LIST, ja3=_TEXT, ja4=_TEXT, encrypted=_NUMBER),
    _message(
        "dissectors.tls:TlsServerHello", version=_TEXT, cipher=_NUMBER, alpn=_TEXT, ja3s=_TEXT, resumed=_NUMBER
    ),
    _message(
        "dissectors.tls:TlsCertificate", from_client=_NUMBER, subject=_TEXT, issuer=_TEXT, not_before=_NUMBER,
        not_after=_NUMBER, self_signed=_NUMBER, sha256=_TEXT,
    ),
    _message("dissectors.quic:QuicClientHello", version=_TEXT, sni=_TEXT, alpn=_LIST, ja3=_TEXT, ja4=_TEXT,
    encrypted=_NUMBER),
    _message("derived.logins:LoginAttempt", ends=True, service=_TEXT, account=_TEXT, accepted=_NUMBER,
    unknown=_NUMBER, judged=_NUMBER),
    _message("dissectors.ssh:SshBanner", from_client=_NUMBER, software=_TEXT),
    _message("dissectors.ssh:SshKeyExchange", from_client=_NUMBER, hassh=_TEXT),
    _message("dissectors.shared.smb_events:SmbTreeConnect", share=_TEXT),
    _message("dissectors.shared.smb_events:SmbCreate", share=_TEXT, name=_TEXT),
    _message("dissectors.shared.smb_events:SmbWrite", share=_TEXT, name=_TEXT, size=_NUMBER, executable=_NUMBER),
    _message("dissectors.shared.smb_events:SmbRename", share=_TEXT, name=_TEXT, new_name=_TEXT),
    _message("dissectors.shared.smb_events:SmbDelete", share=_TEXT, name=_TEXT),
    _message(
        "dissectors.sip:SipRequest", method=_TEXT, caller=_TEXT, callee=_TEXT, call_id=_TEXT, cseq=_NUMBER,
        user_agent=_TEXT,
    ),
    _message(
        "dissectors.sip:SipResponse", status=_NUMBER, method=_TEXT, caller=_TEXT, callee=_TEXT, call_id=_TEXT,
        cseq=_NUMBER, user_agent=_TEXT,
    ),
    *(
        _message(
            f"dissectors.dhcp:Dhcp{name}", mac=_NUMBER, address=_ADDRESS, offered=_ADDRESS, requested=_ADDRESS,
            server=_ADDRESS,
            hostname=_TEXT, vendor_class=_TEXT, lease_s=_NUMBER,
        )
        for name in _DHCP
    ),
    _message(
        "dissectors.shared.rpc_events:RpcCall", pipe=_TEXT, interface=_TEXT, call=_TEXT, number=_NUMBER, level=_NUMBER,
        texts=_LIST,
    ),
    _message("dissectors.shared.rpc_events:RpcAnswer", pipe=_TEXT, interface=_TEXT, call=_TEXT, number=_NUMBER,
    fault=_NUMBER, status=_NUMBER),
    _message(
        "dissectors.snmp:SnmpRequest", version=_TEXT, community=_TEXT, user=_TEXT, level=_TEXT, operation=_TEXT,
        request_id=_NUMBER, names=_LIST,
    ),
    _message(
        "dissectors.snmp:SnmpResponse", version=_TEXT, community=_TEXT, user=_TEXT, level=_TEXT, operation=_TEXT,
        request_id=_NUMBER, names=_LIST, status=_TEXT,
    ),
    _message(
        "dissectors.snmp:SnmpTrap", version=_TEXT, community=_TEXT, user=_TEXT, level=_TEXT, operation=_TEXT,
        names=_LIST, trap=_TEXT,
    ),
    _message("dissectors.rtsp:RtspRequest", method=_TEXT, uri=_TEXT, cseq=_NUMBER, user_agent=_TEXT, user=_TEXT),
    _message("dissectors.rtsp:RtspResponse", status=_NUMBER, cseq=_NUMBER, server=_TEXT),
    _message("records.files.seen:FileBegun", ends=True, client_port=_NUMBER),
    _message(
        "records.files.seen:FileSeen", ends=True, from_client=_NUMBER, service=_TEXT, name=_TEXT, mime=_TEXT,
        size=_NUMBER, sha256=_TEXT, state=_TEXT,
    ),
)  # fmt: skip
NUMBERS = {message.name: number for number, message in enumerate(MESSAGES)}
# Numbers of sections without messages: ended flows, records of the event log as JSON, packet counts.
RUN_BITS = 17  # bits of the number of an engine's run
CONNECTIONS, NOTES, COUNTS = 0xFFF0, 0xFFF1, 0xFFF2
