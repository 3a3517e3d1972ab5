"""QDP: a processor of Q-SYS, a peripheral whose announcement another host repeats, an emulation on a computer."""

from __future__ import annotations

from pcaps.dissectors._frames import CAMERA, DESKTOP, PBX, Frames, udp

GROUP, GROUP_MAC = "224.0.23.175", "01:00:5e:00:17:af"


def device(**fields: str) -> bytes:
    return b"<QDP><device>%b</device></QDP>" % "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()).encode()


CORE = device(
    name="Core-110f-boardroom", type="core", platform="core", part_number="Core 110f",
    ref="device.core.Core-110f-boardroom", is_virtual="false", lan_a_mac=PBX, lan_a_ip="10.20.30.5", lan_b_ip="",
    lan_a_lldp="14:ab:ec:35:e1:7c+22", web_cfg_url="https://10.20.30.5/", hw_rev="1.0",
)  # fmt: skip
PERIPHERAL = device(
    name="hall-io", type="lcqln", platform="lcqln", part_number="QIO-ML2x2", ref="device.ioframe.hall-io",
    is_virtual="false", lan_a_mac=CAMERA, lan_a_ip="10.20.30.99",
)  # fmt: skip
EMULATION = device(
    name="DESK-7", type="core", part_number="Core 510i", ref="device.core.DESK-7", is_virtual="true",
    lan_a_ip="10.20.30.14",
)  # fmt: skip


def frames() -> Frames:
    def sent(src_mac: str, src: str, payload: bytes) -> bytes:
        return udp(src_mac, GROUP_MAC, src, GROUP, 6504, 2467, payload, ttl=255)

    yield sent(PBX, "10.20.30.5", CORE)
    yield sent(PBX, "10.20.30.5", PERIPHERAL)
    yield sent(DESKTOP, "10.20.30.14", EMULATION)
