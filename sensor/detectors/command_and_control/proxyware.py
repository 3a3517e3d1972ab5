"""Residential proxy software (proxyware): programs that resell the bandwidth of a host, by requested names."""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class Proxyware(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Residential proxy software"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1090", "T1496.002")
    advice = (
        "Remove the program, or the application that installed it: third parties act under your address "
        "and reach your network from inside."
    )
    false_positives = "A visit to the web pages of such a provider, or use of its proxies as a customer."
    domains = {
        "Honeygain": "honeygain.com honeygain.money",
        "EarnApp (Bright Data)": "earnapp.com lum-sdk.io luminati.io luminatinet.com brdtnet.com l-agent.me lum-cn.io",
        "PacketStream": "packetstream.io",
        "Pawns (IPRoyal)": "pawns.app iproyal.com",
        "Peer2Profit": "peer2profit.com peer2profit.io",
        "Traffmonetizer": "traffmonetizer.com traffmonetizer.net",
        "Repocket": "repocket.co repocket.com",
        "ProxyRack": "proxyrack.net proxyrack.com",
        "Bitping": "bitping.com",
        "Infatica": "infatica.io infatica-sdk.io",
        "Massive": "joinmassive.com",
        "ProxyLite": "proxylite.ru",
        "911 S5": "911s5.com 911.re",
        "Hola": "hola.org holax.io h-cdn.com holavpn.net",
        "SpeedShare": "speedshare.app",
        "Mysterium": "mysterium.network mysterium.vpn",
    }
