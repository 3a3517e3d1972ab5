"""A machine can be steered from outside: programs for remote help and remote management, told by the names they ask for.

They are honest programs, and the favourite of those who are not. What steers a machine by a protocol of its own is told by ``remote_control``.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors._services import NamedServices

_DOMAINS = {
    "TeamViewer": "teamviewer.com dyngate.com",
    "AnyDesk": "anydesk.com",
    "ScreenConnect": "screenconnect.com connectwise.com",
    "LogMeIn": "logmein.com logmein-gateway.com logmeinrescue.com gotomypc.com gotoassist.com",
    "Splashtop": "splashtop.com splashtop.eu",
    "RustDesk": "rustdesk.com",
    "Ammyy Admin": "ammyy.com",
    "DWService": "dwservice.net",
    "Supremo": "supremocontrol.com nanosystems.it",
    "AeroAdmin": "aeroadmin.com",
    "Atera": "atera.com",
    "Zoho Assist": "zohoassist.com zohoassist.eu assist.zoho.com assist.zoho.eu",
    "BeyondTrust": "bomgar.com beyondtrustcloud.com",
    "RemotePC": "remotepc.com",
    "Parsec": "parsec.app parsecgaming.com",
    "Chrome Remote Desktop": "remotedesktop.google.com remotedesktop-pa.googleapis.com",
    "NinjaOne": "ninjarmm.com ninjaone.com",
    "Action1": "action1.com",
    "SimpleHelp": "simple-help.com",
    "UltraViewer": "ultraviewer.net",
    "ToDesk": "todesk.com",
    "Sunlogin": "oray.com oray.net",
    "ISL Online": "islonline.net islonline.com",
    "GetScreen": "getscreen.me",
    "NetSupport": "netsupportsoftware.com",
    "Remote Utilities": "remoteutilities.com",
    "FleetDeck": "fleetdeck.io",
    "MeshCentral": "meshcentral.com",
    "Level": "level.io",
    "Pulseway": "pulseway.com",
    "ngrok": "ngrok.io ngrok.com ngrok-free.app ngrok.app",
    "Tailscale": "tailscale.com tailscale.io",
    "ZeroTier": "zerotier.com",
}


class RemoteAccessTool(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Program for remote access"
    severity = Severity.low
    weighs_itself = True
    techniques = ("T1219",)
    advice = (
        "Ask whether your own people use it for help. Where not, take the machine off the network and look who installed it; allow one such program at most."
    )
    false_positives = "Remote help and management as your own people use it: add its domains to `allowed`."
    # Screens, room systems and boxes that run programs are looked after by such programs; a type that is hardly known says nothing.
    usual = frozenset("tv media_player hub conferencing signage iot".split())
    services = {domain: name for name, domains in _DOMAINS.items() for domain in domains.split()}
