"""Examples of hardware banners from Rapid7's Recog, converted to the values that the sensor reads from packets.

Only spellings of vendors are copied from Recog. SENSOR_RECOG is its folder, by default shared/facts/recog beside the
checkout.
"""

from __future__ import annotations

import base64
import html
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree as ET

from sensor.core.observation import Observation
from sensor.core.packet import Packet
from sensor.core.reader import clean
from sensor.dissectors.shared.http_cookies import own_cookie
from sensor.dissectors.shared.http_credentials import challenge
from sensor.dissectors.shared.x509 import _PLACES, _written
from sensor.dissectors.telnet import Telnet

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "facts" / "recog"
FOLDER = Path(os.environ.get("SENSOR_RECOG") or BESIDE) / "xml"

Values = Iterator[tuple[str, str]]


class Example(NamedTuple):
    """A banner of a file with the vendor of its hardware."""

    file: str
    text: str
    vendor: str


def examples(file: str) -> Iterator[Example]:
    """The examples of one file whose fingerprint has a hardware vendor."""
    for params, example in _all(file):
        if "hw.vendor" in params:
            yield Example(file, _text(example), params["hw.vendor"] or example.get("hw.vendor", ""))


def systems(file: str) -> Iterator[Example]:
    """The other examples of a device type, with the vendor of its system."""
    for params, example in _all(file):
        if "hw.vendor" not in params and "os.vendor" in params and params.get("os.device", "General") != "General":
            yield Example(file, _text(example), params["os.vendor"])


def _all(file: str) -> Iterator[tuple[dict[str | None, str], ET.Element]]:
    for fingerprint in ET.parse(FOLDER / f"{file}.xml").getroot().iter("fingerprint"):  # noqa: S314 - a local folder
        params = {param.get("name"): param.get("value", "") for param in fingerprint.iter("param")}
        for example in fingerprint.iter("example"):
            yield params, example


def _text(example: ET.Element) -> str:
    text = example.text or ""
    return base64.b64decode(text).decode("utf-8", "replace") if example.get("_encoding") == "base64" else text


def _unread(_text: str) -> Values:
    return iter(())


def _plain(kind: str) -> Callable[[str], Values]:
    return lambda text: iter([(kind, clean(" ".join(text.split())))])


def _cookie(text: str) -> Values:
    if cookie := own_cookie(text.encode()):
        yield "http.cookie", cookie


def _title(text: str) -> Values:
    yield "http.title", clean(" ".join(html.unescape(text).split()))


def _realm(text: str) -> Values:
    """Some examples consist of a realm only."""
    yield "http.realm", challenge(text.strip().encode())[1] or clean(text)


def _ssh(text: str) -> Values:
    yield "ssh.banner", "SSH-2.0-" + clean(text)


def _text_record(text: str) -> Values:
    key, _, value = text.strip().partition("=")
    yield f"mdns.txt.{key.lower()}", clean(value)


def _time_server(text: str) -> Values:
    for key, value in re.findall(r'(version|system)="([^"]*)"', text):
        yield f"ntp.{key}", clean(value)


def _object_id(text: str) -> Values:
    number, _, described = text.strip().partition(" ")
    yield "snmp.sys_object_id", number
    yield "snmp.sys_descr", clean(described)


def _distinguished(kind: str) -> Callable[[str], Values]:
    def values(text: str) -> Values:
        words = {word.lower(): word for word in _PLACES}
        pairs = [part.split("=", 1) for part in re.split(r"(?<!\\)[,+]\s*(?=[A-Za-z0-9.]+=)", text) if "=" in part]
        found = [(words.get(key.strip().lower(), ""), re.sub(r"\\(.)", r"\1", value)) for key, value in pairs]
        yield kind, _written([(word, value) for word, value in found if word and value])

    return values


def _telnet(text: str) -> Values:
    """The dissector's value when the server sends this banner and the client then sends a line."""
    stream, packet = Telnet().stream(Packet()), Packet(proto=6)
    found = [*stream.feed(packet, text.rstrip("\n").encode(), False), *stream.feed(packet, b"admin\r\n", True)]
    yield from ((one.kind, one.value) for one in found if isinstance(one, Observation))


# Files with hardware, and the values that the sensor reads from a line. Cookies are not observed: they remain
# unknown.
FILES: dict[str, Callable[[str], Values]] = {
    "dhcp_vendor_class": _plain("dhcp.vendor_class"),
    "ftp_banners": _plain("ftp.banner"),
    "html_title": _title,
    "http_cookies": _cookie,
    "http_servers": _plain("http.server"),
    "http_wwwauth": _realm,
    "mdns_device-info_txt": _text_record,
    "ntp_banners": _time_server,
    "rtsp_servers": _plain("rtsp.server"),
    "sip_banners": _plain("sip.server"),
    "sip_user_agents": _plain("sip.user_agent"),
    "smtp_banners": _plain("smtp.banner"),
    "snmp_sysdescr": _plain("snmp.sys_descr"),
    "snmp_sysobjid": _object_id,
    "ssh_banners": _ssh,
    "telnet_banners": _telnet,
    "x509_issuers": _distinguished("tls.certificate_issuer"),
    "x509_subjects": _distinguished("tls.certificate_subject"),
}

# Recog's vendor → the sensor's, where neither name contains the other: brands, their owners, and other spellings.
SAME = {
    "ALCATEL": "Alcatel-Lucent", "AnyBus": "HMS", "ATT": "AT&T", "Data Domain": "Dell", "EMC": "Dell",
    "iTach": "Global Caché", "Oce": "Océ", "Panasonic": "i-PRO", "Poly": "Obihai", "Samsung": "Hanwha Vision",
    "Tintro": "Tintri",
}  # fmt: skip


def same_vendor(recogs: str, ours: str, spellings: dict[str, str]) -> bool:
    """Whether two spellings are one vendor: by the vocabulary, by the table, or because one contains the first word of
    the other.
    """
    one, other = spellings.get(recogs.lower(), SAME.get(recogs, recogs)), ours
    if one == other or SAME.get(recogs) == other:
        return True
    first, second = one.lower().split(), other.lower().split()
    return first[0] in other.lower() or second[0] in one.lower()
