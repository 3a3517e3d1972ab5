"""Facts about the sender of a SIP message: its program, and data in a registration (RFC 3261, RFC 5626)."""

from __future__ import annotations

from collections.abc import Iterator

from sensor.core.dissector import Parsed
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.sender_facts import fact

# Contact parameters of Cisco phones: name (``SEP`` and the MAC) and model number.
_DEVICE_NAME = lazy_pattern(rb'\+u\.sip!devicename\.ccm\.cisco\.com="([^"]{1,128})"')
_DEVICE_TYPE = lazy_pattern(rb'\+u\.sip!model\.ccm\.cisco\.com="(\d{1,6})"')
_INSTANCE = lazy_pattern(rb'\+sip\.instance="<urn:([^>"]{1,128})>"')  # RFC 5626, 4.1
_CONTACT_PARAMETERS = (
    ("sip.hostname", _DEVICE_NAME), ("sip.device_type", _DEVICE_TYPE), ("sip.instance_id", _INSTANCE)
)  # fmt: skip
ALARM = b"cisco-alarm"


def sender_facts(
    packet: Packet, agent: str, server: str, subscribed: bytes, device_headers: list[bytes]
) -> Iterator[Parsed]:
    """``agent`` and ``server``: the program, from User-Agent and Server; ``subscribed``: the Event of a SUBSCRIBE;
    ``device_headers``: header lines that name a device.
    """
    if agent:
        yield fact(packet, "sip.user_agent", agent)
    if server:
        yield fact(packet, "sip.server", server)
    if b"ua-profile" in subscribed and b"vendor" in subscribed:
        yield fact(packet, "sip.profile", clean(subscribed))
    for line in device_headers:
        name, _, value = line.partition(b":")
        yield fact(packet, "sip.device_header", clean(clean(name) + ": " + clean(value)))


def registration_facts(packet: Packet, contact: bytes, reason: bytes) -> Iterator[Parsed]:
    """Parameters of the Contact, and the alarm with the firmware of Cisco phones."""
    for kind, pattern in _CONTACT_PARAMETERS if b"+" in contact else ():
        found = pattern.search(contact)
        if found and (value := clean(found[1])):
            yield fact(packet, kind, value)
    if ALARM in reason:
        yield fact(packet, "sip.alarm", clean(reason))
