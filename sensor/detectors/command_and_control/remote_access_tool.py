"""Remote access software: remote support and remote management programs, recognized by requested names.

They are legitimate, and popular with intruders. Remote control over an unknown protocol is reported by
``remote_control``.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class RemoteAccessTool(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Remote access software"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1219",)
    advice = (
        "Ask the help desk whether it uses this program. If not, isolate the host and find out who "
        "installed it. Approve one such program at most."
    )
    false_positives = "Remote support and management by your own staff: add the domains to `allowed`."
    # Screens, conference systems and media players are maintained by such programs; a type of low confidence is no
    # evidence.
    usual = frozenset("tv media_player hub conferencing signage iot".split())
    domains = {
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
        "Tailscale": "tailscale.com tailscale.io",
        "ZeroTier": "zerotier.com",
    }
