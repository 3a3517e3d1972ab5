"""Tunnel services: programs that make a host reachable from the internet through a server of a third party, recognized
by requested names.

Developers use them for demonstrations; intruders use them to return past the firewall, and to reach RDP and SMB from
the internet.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class TunnelService(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Tunnel service (ngrok, Cloudflare Tunnel)"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1572", "T1090.002", "T1219")
    advice = (
        "Ask the user which service of the host is published. If there is no such purpose, isolate the host: an "
        "intruder may use the tunnel to return."
    )
    false_positives = "Demonstrations of developers; a visitor of a page that such a tunnel publishes."
    domains = {
        "ngrok": "ngrok.io ngrok.com ngrok-free.app ngrok-free.dev ngrok.app ngrok.dev ngrok-agent.com",
        "Cloudflare Tunnel": "argotunnel.com cfargotunnel.com trycloudflare.com",
        "localhost.run": "localhost.run lhr.life lhr.rocks",
        "Serveo": "serveo.net serveousercontent.com",
        "localtunnel": "localtunnel.me loca.lt",
        "Pinggy": "pinggy.io pinggy.link",
        "playit.gg": "playit.gg",
        "Dev Tunnels": "devtunnels.ms global.rel.tunnels.api.visualstudio.com",
        "Telebit": "telebit.cloud",
        "bore": "bore.pub",
        "PageKite": "pagekite.net pagekite.me",
        "Portmap": "portmap.io portmap.host",
        "zrok": "zrok.io",
        "LocalXpose": "loclx.io localxpose.io",
        "Packetriot": "packetriot.com packetriot.net",
        "Expose": "expose.dev sharedwithexpose.com",
        "Tunnelmole": "tunnelmole.com tunnelmole.net",
    }
