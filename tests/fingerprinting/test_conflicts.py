"""One misleading fact beside others: it gives no wrong type or vendor."""

from __future__ import annotations

import pytest

from sensor.core.observation import Evidence
from sensor.fingerprinting.fuse import fuse
from sensor.fingerprinting.match import Matcher
from tests.fingerprinting.own import own_knowledge

MATCHER = Matcher(own_knowledge())
Seen = list[tuple[str, str]]


OWNER = "oui.organisation"
DELL, INTEL = (OWNER, "Dell Inc."), (OWNER, "Intel Corporate")
WINDOWS: Seen = [
    ("dhcp.vendor_class", "MSFT 5.0"),
    ("dhcp.parameter_list", "1,3,6,15,31,33,43,44,46,47,119,121,249,252"),
    ("dhcp.hostname", "DESKTOP-1A2B3C4"),
]
SERVER = "urn:schemas-upnp-org:device:MediaServer:1"
RENDERER = "urn:schemas-upnp-org:device:MediaRenderer:1"
# Observations → type and vendor; empty: unknown.
STORIES: dict[str, tuple[Seen, str, str]] = {
    "a computer that shares media": (
        [
            DELL,
            *WINDOWS,
            ("ssdp.server", "Microsoft-Windows/10.0 UPnP/1.0 UPnP-Device-Host/1.0"),
            ("ssdp.nt", SERVER),
            ("upnp.manufacturer", "Microsoft Corporation"),
            ("upnp.model_name", "Windows Media Player Sharing"),
        ],
        "workstation", "Dell",
    ),
    "a computer with iTunes": (
        [DELL, *WINDOWS, ("mdns.service", "_touch-able._tcp"), ("mdns.service", "_home-sharing._tcp")],
        "workstation", "Dell",
    ),
    "a computer with Dante Virtual Soundcard": (
        [
            DELL,
            *WINDOWS,
            ("mdns.service", "_netaudio-arc._udp"),
            ("mdns.service", "_netaudio-cmc._udp"),
            ("dante.module", "Dante Virtual Soundcard"),
        ],
        "workstation", "Dell",
    ),
    "a computer with Kodi": (
        [DELL, *WINDOWS, ("upnp.model_name", "Kodi"), ("ssdp.nt", RENDERER), ("mdns.service", "_xbmc-jsonrpc._tcp")],
        "", "Dell",
    ),
    "a Dante device with RTSP": (
        [(OWNER, "Audinate Pty L"), ("mdns.service", "_netaudio-arc._udp"), ("mdns.service", "_rtsp._tcp")],
        "iot", "",
    ),
    "RAVENNA": ([("mdns.service", "_rtsp._tcp"), ("rtsp.clock", "ptp")], "iot", ""),
    "RTSP alone": ([("mdns.service", "_rtsp._tcp")], "", ""),
    "a virtual machine of Hyper-V": (
        [(OWNER, "Virtual machine (Hyper-V)"), ("ssh.banner", "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.1")],
        "", "",
    ),
    "a virtual desktop on Nutanix": ([(OWNER, "Virtual machine (Nutanix AHV)"), *WINDOWS], "workstation", ""),
    "a bridge of containers": ([("dhcp.hostname", "DESKTOP-1A2B3C4")], "workstation", ""),
    "a TV with a module of another vendor": (
        [
            (OWNER, "Hon Hai Precision Ind. Co.,Ltd."),
            ("mdns.service", "_googlecast._tcp"),
            ("mdns.txt.md", "P65-E1"),
            ("mdns.service", "_viziocast._tcp"),
        ],
        "tv", "Vizio",
    ),
    "a computer whose applications contact devices' clouds": (
        [DELL, *WINDOWS, ("dns.query", "api.sonos.com"), ("dns.query", "api.ring.com"), ("tls.sni", "lgtvsdp.com")],
        "workstation", "Dell",
    ),
    "a page of a vendor on a server of another": (
        [DELL, ("http.title", "Xerox Device Agent"), ("ssh.banner", "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.1")],
        "", "",
    ),
    "a phone named in another language": ([("dhcp.hostname", "iPhone-von-Anna")], "mobile", "Apple"),
    "a TV with a player's system": (
        [(OWNER, "Roku, Inc"), ("dhcp.hostname", "43TCLRokuTV"), ("http.user_agent", "Roku/DVP-12.5")],
        "tv", "Roku",
    ),
    "a household device on a platform of many": (
        [("dhcp.hostname", "zhimi-airpurifier-mc1_miio12345"), ("dns.query", "de.ot.io.mi.com")],
        "appliance", "Xiaomi",
    ),
    "a watch of a phone's product line": ([("dhcp.hostname", "Galaxy-Watch4")], "wearable", "Samsung"),
    "a camera by its vendor's cloud": ([(OWNER, "Espressif Inc."), ("dns.query", "fw.ring.com")], "camera", "Ring"),
    "a phone that shows cameras": (
        [("dhcp.hostname", "Annas-iPhone"), ("tls.sni", "a.camera.home.nest.com"), ("tls.sni", "p2p.reolink.com")],
        "mobile", "Apple",
    ),
    "a TV that loads from a console's servers": (
        [(OWNER, "Sony Corporation"), ("dns.query", "bravia.dl.playstation.net"), ("dns.query", "biv.sony.tv")],
        "tv", "Sony",
    ),
    "a control system by its vendor's cloud": (
        [(OWNER, "Crestron Electronics, Inc."), ("tls.sni", "fc.crestron.io")],
        "iot", "Crestron",
    ),
    "a firewall by its time servers": (
        [("dns.query", "0.pfsense.pool.ntp.org"), ("http.title", "pfSense - Login")],
        "firewall", "",
    ),
    "a camera that nobody knows": ([("http.title", "Acme Dome Network Camera")], "camera", ""),
    "a computer with a program for cameras": (
        [DELL, *WINDOWS, ("http.title", "IP Camera Viewer")],
        "workstation", "Dell",
    ),
    "a computer with programs for recorders and phones": (
        [DELL, *WINDOWS, ("http.title", "Network Video Recorder Client"), ("http.realm", "IP Phone Manager")],
        "workstation", "Dell",
    ),
    "a computer with a network adapter of another vendor": (
        [INTEL, *WINDOWS, ("dhcp.hostname", "DESKTOP-1A2B3C4")],
        "workstation", "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_one_misleading_fact(story: str) -> None:
    """The type and the vendor that the other facts give, or unknown."""
    seen, kind, vendor = STORIES[story]
    attributes = fuse([Evidence(*claim, *fact, 0, 0) for fact in seen for claim in MATCHER.match(*fact)])
    found = {name: attributes[name].value if name in attributes else "" for name in ("type", "vendor")}
    assert found == {"type": kind, "vendor": vendor}
