"""SAP: sessions of a Dante adapter in AES67 mode and of FFmpeg with a loopback origin, one that an announcer repeats
for another host, one over IPv6, a deletion.
"""

from __future__ import annotations

import struct

from pcaps.dissectors._frames import CAMERA, DESKTOP, PHONE, Frames, ip, udp

TYPE = b"application/sdp\0"
GROUP, GROUP_MAC = "239.255.255.255", "01:00:5e:7f:ff:ff"
IPV6 = "fe80::5eff:fe00:5306"


def message(source: str, payload: bytes, *, flags: int = 0, words: int = 0) -> bytes:
    flags |= 0x30 if ":" in source else 0x20
    return struct.pack("!BBH", flags, words, 0xBDEE) + ip(source) + bytes(4 * words) + payload


def description(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in ("v=0", *lines)).encode()


DANTE = description(
    "o=- 278034 278037 IN IP4 10.20.30.12", "s=AVIOUSBC-522880 : 2", "c=IN IP4 239.69.165.50/32", "t=0 0",
    "a=keywds:Dante", "m=audio 5004 RTP/AVP 97", "i=2 channels: Left, Right", "a=recvonly", "a=rtpmap:97 L24/48000/2",
    "a=ptime:1", "a=ts-refclk:ptp=IEEE1588-2008:00-1D-C1-FF-FE-52-28-80:0", "a=mediaclk:direct=1266592257",
)  # fmt: skip
FFMPEG = description(
    "o=- 0 0 IN IP4 127.0.0.1", "s=No Name", "c=IN IP4 239.69.1.1/255", "t=0 0", "a=tool:libavformat 61.7.103",
    "m=audio 5004 RTP/AVP 96", "b=AS:1058", "a=rtpmap:96 L24/44100/1",
)  # fmt: skip
OTHER = description("o=radio 1 1 IN IP4 10.20.30.99", "s=Lobby", "c=IN IP4 224.2.1.1/15", "m=video 5006/2 RTP/AVP 33")


def frames() -> Frames:
    def sent(src_mac: str, src: str, payload: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 51426, 9875, payload, ttl=255)

    yield sent(PHONE, "10.20.30.12", message("10.20.30.12", TYPE + DANTE, words=1))
    yield sent(DESKTOP, "10.20.30.14", message("10.20.30.14", TYPE + FFMPEG))
    yield sent(DESKTOP, "10.20.30.14", message("10.20.30.14", OTHER))
    yard = description(f"o=- 1 1 IN IP6 {IPV6}", "s=Yard", "a=tool:vlc 3.0.24")
    yield udp(CAMERA, "33:33:00:02:7f:fe", IPV6, "ff02::2:7ffe", 9875, 9875, message(IPV6, yard))
    yield sent(DESKTOP, "10.20.30.14", message("10.20.30.14", FFMPEG, flags=4))
