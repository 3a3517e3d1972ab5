"""A host looks up its own public address at a web service. Malware does so to report its location to its operator;
clients of dynamic DNS, cameras, VPN clients and games do so too. The alert is additional information for an
investigation.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.core.device import FIXED_FUNCTION
from sensor.detectors.shared.services import NamedServices


class ExternalAddress(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Lookup of the public address of the host"
    severity = Severity.info
    adjusts_severity = True
    techniques = ("T1016",)
    advice = "By itself it needs no response. With other alerts about the host, identify the program that looks it up."
    false_positives = "Clients of dynamic DNS and VPNs, cameras, games, and users who look it up."
    usual = FIXED_FUNCTION
    domains = {
        "ipify": "ipify.org",
        "icanhazip": "icanhazip.com",
        "ifconfig": "ifconfig.me ifconfig.co ifconfig.io",
        "IPinfo": "ipinfo.io",
        "IP-API": "ip-api.com",
        "Dyn CheckIP": "checkip.dyndns.org checkip.dyndns.com",
        "Amazon CheckIP": "checkip.amazonaws.com",
        "wtfismyip": "wtfismyip.com",
        "MyExternalIP": "myexternalip.com",
        "ident.me": "ident.me tnedi.me",
        "ipecho": "ipecho.net",
        "MyIP": "api.myip.com my-ip.io",
        "WhatIsMyIPAddress": "whatismyipaddress.com",
        "geoPlugin": "geoplugin.net geoplugin.com",
        "FreeGeoIP": "freegeoip.app freegeoip.net",
        "DB-IP": "db-ip.com",
        "SeeIP": "seeip.org",
        "ipwhois": "ipwho.is ipwhois.app",
        "IP Logger": "iplogger.org iplogger.com",
    }
