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
AXIS: Seen = [
    ("dhcp.hostname", "axis-accc8e0a0b0c"),
    ("hostname.own_mac", "axis-<mac>"),
    ("mdns.service", "_axis-video._tcp"),
    ("upnp.manufacturer", "AXIS"),
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
    "a recorder that answers for its cameras": (
        [
            (OWNER, "Hangzhou Hikvision Digital Technology Co.,Ltd."), ("wsd.type", "dn:NetworkVideoTransmitter"),
            ("wsd.scope_hardware", "DS-7608NI-K2"), ("wsd.scope_name", "HIKVISION DS-7608NI-K2"),
        ],
        "nvr", "Hikvision",
    ),
    "a switch for a keyboard and a screen": (
        [(OWNER, "Raspberry Pi Trading Ltd"), ("dhcp.hostname", "pikvm"), ("http.title", "PiKVM Login")],
        "iot", "Raspberry Pi",
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
    "a computer with apps of a speaker and of a video service": (
        [INTEL, *WINDOWS, ("tls.sni", "msmetrics.ws.sonos.com"), ("tls.sni", "atv-ext.amazon.com")],
        "workstation", "",
    ),
    "a computer with an AirPlay receiver": (
        [
            INTEL, *WINDOWS,
            ("mdns.service", "_airplay._tcp"), ("mdns.txt.model", "AppleTV5,3"), ("mdns.txt.md", "AirServer"),
        ],
        "workstation", "",
    ),
    "a computer with an emulator of phones": (
        [
            INTEL, *WINDOWS,
            ("http.user_agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0"),
            ("http.user_agent", "Dalvik/2.1.0 (Linux; U; Android 9; SM-G988N Build/NRD90M)"),
        ],
        "workstation", "",
    ),
    "a phone that plays media": (
        [
            (OWNER, "Samsung Electronics Co.,Ltd"), ("dhcp.hostname", "Galaxy-A52"),
            ("dhcp.vendor_class", "android-dhcp-12"), ("ssdp.nt", RENDERER),
            ("upnp.manufacturer", "Bubblesoft"), ("upnp.model_name", "BubbleUPnP Media Renderer"),
        ],
        "mobile", "Samsung",
    ),
    "a player with Android and its default name": (
        [
            ("dhcp.hostname", "android-1a2b3c4d5e6f7788"), ("dhcp.vendor_class", "android-dhcp-9"),
            ("ssdp.nt", RENDERER),
        ],
        "media_player", "",
    ),
    "a wiki with a page about a switch": (
        [DELL, ("http.title", "SCALANCE X208 - Wiki"), ("http.server", "nginx")],
        "", "Dell",
    ),
    "a NAS that runs Home Assistant and HomeKit": (
        [
            (OWNER, "Synology Incorporated"), ("dhcp.hostname", "DiskStation"), ("mdns.txt.model", "DS920+"),
            ("mdns.service", "_home-assistant._tcp"), ("mdns.txt.ci", "2"), ("http.title", "Home Assistant"),
        ],
        "nas", "Synology",
    ),
    "a server that runs Home Assistant alone": (
        [("mdns.service", "_home-assistant._tcp"), ("dhcp.hostname", "homeassistant")],
        "hub", "Home Assistant",
    ),
    "a proxy of phones": (
        [
            DELL,
            ("sip.user_agent", "Yealink SIP-T46S 66.85.0.5"), ("sip.user_agent", "Grandstream GXP2170 1.0.11.16"),
        ],
        "", "Dell",
    ),
    "an emulated Hue bridge": (
        [
            (OWNER, "Raspberry Pi Trading Ltd"), ("dhcp.hostname", "raspberrypi"),
            ("ssdp.server", "Linux/3.14.0 UPnP/1.0 IpBridge/1.20.0"), ("upnp.manufacturer", "Signify"),
        ],
        "hub", "Raspberry Pi",
    ),
    "a Hue bridge": (
        [
            (OWNER, "Philips Lighting BV"),
            ("ssdp.server", "Linux/3.14.0 UPnP/1.0 IpBridge/1.20.0"), ("upnp.manufacturer", "Signify"),
        ],
        "hub", "Philips Hue",
    ),
    "an emulated WeMo plug": (
        [
            (OWNER, "Espressif Inc."), ("dhcp.hostname", "tasmota-1A2B3C-1234"),
            ("ssdp.nt", "urn:Belkin:device:controllee:1"), ("upnp.manufacturer", "Belkin International Inc."),
        ],
        "smart_plug", "",
    ),
    "a bridge of locks by its vendor's cloud": (
        [(OWNER, "Espressif Inc."), ("dns.query", "mqtt.u-tec.com")],
        "iot", "Ultraloq",
    ),
    "a button for lamps of two vendors": (
        [(OWNER, "Espressif Inc."), ("dns.query", "discovery.meethue.com"), ("dns.query", "api.lifx.com")],
        "iot", "",
    ),
    "a product of the platform Tuya": ([(OWNER, "Espressif Inc."), ("dns.query", "a1.tuyaeu.com")], "iot", "Tuya"),
    "an Echo by its services": (
        [(OWNER, "Amazon Technologies Inc."), ("dns.query", "avs-alexa-14-na.amazon.com")],
        "speaker", "Amazon",
    ),
    "a phone with the app of an Echo": (
        [("dhcp.vendor_class", "android-dhcp-13"), ("dns.query", "avs-alexa-14-na.amazon.com")],
        "mobile", "",
    ),
    "a Fire TV with Alexa": (
        [
            (OWNER, "Amazon Technologies Inc."), ("mdns.service", "_amzn-wplay._tcp"),
            ("dns.query", "avs-alexa-14-na.amazon.com"),
        ],
        "media_player", "Amazon",
    ),
    "a power strip with the card of a UPS": (
        [
            (OWNER, "American Power Conversion Corp"),
            (
                "snmp.sys_descr",
                ("APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.7.2 PN:apc_hw05_aos_672.bin AF1:v6.7.2 "
                "AN1:apc_hw05_rpdu2g_672.bin MN:AP8959 HR:02 SN: ZA1234567890 MD:01/01/2015)"),
            ),
        ],
        "iot", "APC",
    ),
    "a barcode scanner with Android": (
        [
            ("dhcp.vendor_class", "android-dhcp-10"),
            ("http.user_agent", "Dalvik/2.1.0 (Linux; U; Android 10; TC52 Build/10-16-10.00-QG)"),
        ],
        "barcode_scanner", "Zebra",
    ),
    "a door station under the service of a camera vendor": (
        [
            (OWNER, "Bird Home Automation GmbH"), ("mdns.service", "_axis-video._tcp"),
            ("mdns.instance", "Doorstation - 1ccae3711223"),
        ],
        "intercom", "DoorBird",
    ),
    "a loudspeaker of a camera vendor": (
        [(OWNER, "Axis Communications AB"), ("upnp.manufacturer", "AXIS"), ("upnp.model_name", "AXIS C1310-E")],
        "speaker", "Axis",
    ),
    "a camera of the same vendor": (
        [(OWNER, "Axis Communications AB"), ("upnp.manufacturer", "AXIS"), ("upnp.model_name", "AXIS P3245-LVE")],
        "camera", "Axis",
    ),
    "a computer with a media server of a vendor of players": (
        [
            DELL, *WINDOWS,
            ("upnp.manufacturer", "Logitech"), ("upnp.model_name", "Logitech Media Server"), ("ssdp.nt", SERVER),
        ],
        "workstation", "",
    ),
    "a computer with a program for conferences": (
        [DELL, *WINDOWS, ("sip.user_agent", "Polycom RealPresence Desktop/3.11")],
        "workstation", "Dell",
    ),
    "a computer with a softphone of a vendor of phones": (
        [DELL, *WINDOWS, ("sip.user_agent", "Grandstream Wave 1.0.3.34")],
        "workstation", "Dell",
    ),
    "a computer that synchronizes files with a NAS": (
        [DELL, *WINDOWS, ("http.user_agent", "Synology Drive Client/3.4.0")],
        "workstation", "Dell",
    ),
    "a power strip of a vendor of power supplies": (
        [("snmp.enterprise", "534"), ("snmp.sys_object_id", "1.3.6.1.4.1.534.6.6.7")],
        "iot", "Eaton",
    ),
    "a power supply of the same vendor": (
        [("snmp.enterprise", "534"), ("snmp.sys_object_id", "1.3.6.1.4.1.534.1")],
        "ups", "Eaton",
    ),
    "a router whose vendor is written in two ways": (
        [("upnp.manufacturer", "Ubiquiti Networks"), ("upnp.model_description", "UniFi Dream Machine Pro")],
        "router", "Ubiquiti",
    ),
    "a disc player with the browser of TVs": (
        [(OWNER, "Sony Corporation"), ("http.user_agent", "SonyCEBrowser/1.0 (BDPS3200; CTV2014/M12.4.0105; USA)")],
        "media_player", "Sony",
    ),
    "the controller of access points on any server": (
        [INTEL, ("http.title", "UniFi Network"), ("ssh.banner", "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.1")],
        "", "",
    ),
    "a door controller of a vendor of cameras": (
        [*AXIS, ("mdns.instance", "AXIS A1001 - ACCC8E0A0B0C"), ("upnp.model_name", "AXIS A1001")],
        "door_access", "Axis",
    ),
    "a speaker of a vendor of cameras": (
        [*AXIS, ("mdns.instance", "AXIS C1310-E Mk II - ACCC8E0A0B0C"), ("upnp.model_name", "AXIS C1310-E")],
        "speaker", "Axis",
    ),
    "a camera of the vendor of door controllers": (
        [*AXIS, ("mdns.instance", "AXIS M3045-V - ACCC8E0A0B0C"), ("upnp.model_name", "AXIS M3045-V")],
        "camera", "Axis",
    ),
    "a firewall with the number of the former vendor": (
        [("snmp.enterprise", "94"), ("snmp.sys_descr", "IP390 rev 00, IPSO ruby 3.8-BUILD039 releng 1518 i386")],
        "firewall", "Check Point",
    ),
    "a radio with the number of the former vendor": (
        [("snmp.enterprise", "161"), ("snmp.sys_object_id", "1.3.6.1.4.1.161.19.250.256")],
        "access_point", "Cambium",
    ),
    "a sensor of a vendor of plugs": (
        [
            (OWNER, "Espressif Inc."),
            ("dhcp.hostname", "shellyplusht-a8032ab12345"),
            ("mdns.instance", "ShellyPlusHT-A8032AB12345"),
            ("mdns.service", "_shelly._tcp"),
        ],
        "sensor", "Shelly",
    ),
    "a plug of the same vendor": (
        [("mdns.instance", "ShellyPlugSG3-84FCE63AD204"), ("mdns.service", "_shelly._tcp")],
        "smart_plug", "Shelly",
    ),
    "a switch with the vendor class of access points": (
        [
            (OWNER, "Cisco Meraki"),
            ("dhcp.vendor_class", "MERAKI"),
            ("lldp.system_description", "Meraki MS220-8P Cloud Managed PoE Switch"),
        ],
        "switch", "Cisco Meraki",
    ),
    "a door controller whose vendor has the name of another": (
        [
            (OWNER, "Mercury Security Corporation"),
            ("http.server", "TargetWeb/2011.0 (TargetOS)"),
            ("snmp.enterprise", "40334"),
        ],
        "door_access", "Mercury Security",
    ),
    "a desk phone with the system of mobile phones": (
        [("http.user_agent", "Mozilla/5.0 (Linux; Android 9; MP56) AppleWebKit/537.36 Chrome/84 Mobile Safari/537.36")],
        "voip_phone", "Yealink",
    ),
    "a controller of access points whose description is only a name": (
        [
            ("snmp.sys_descr", "controller"),
            ("snmp.enterprise", "15983"),
            ("snmp.sys_object_id", "1.3.6.1.4.1.15983.1.1.7.18"),
        ],
        "wireless_controller", "Fortinet",
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_one_misleading_fact(story: str) -> None:
    """The type and the vendor that the other facts give, or unknown."""
    seen, kind, vendor = STORIES[story]
    attributes = fuse([Evidence(*claim, *fact, 0, 0) for fact in seen for claim in MATCHER.match(*fact)])
    found = {name: attributes[name].value if name in attributes else "" for name in ("type", "vendor")}
    assert found == {"type": kind, "vendor": vendor}
