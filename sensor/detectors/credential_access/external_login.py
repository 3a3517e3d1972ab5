"""A Windows login (NTLM) is sent to an external host over SMB or WebDAV: the server can crack the password from it, or
relay it.

Links to a file share in mails, documents, shortcuts and web pages make Windows log in to any server (CVE-2023-23397).
Logins to web servers count only if Windows itself opens the share (WebDAV); browsers ask the user before. Cloud
services with file shares use their own accounts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.domains import under
from sensor.core.event import Event
from sensor.core.lazy_pattern import lazy_pattern
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import SECOND
from sensor.core.wants import Want, field
from sensor.detectors.shared.hosts import ends_of, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.http import HttpRequest
from sensor.dissectors.shared.ntlm_events import NtlmLogin

PAIRS_LIMIT, REPORTED_S = 4096, 3600
ANONYMOUS = "anonymous"
# File shares of cloud services, to which companies mount.
SHARES = frozenset(("file.core.windows.net", "file.core.chinacloudapi.cn", "file.core.usgovcloudapi.net"))
_WEBDAV = lazy_pattern(r"^(?:Microsoft-WebDAV-MiniRedir/|DavClnt)")


class Options(detector.Options):
    """Which external servers may receive logins."""

    allowed: Blocks = Field((), description="external addresses and CIDR blocks that may receive logins")


class ExternalLogin(EventDetector):
    """Watches NTLM logins of internal hosts, and WebDAV clients."""

    title = "Windows login sent to an external host"
    severity = Severity.high
    techniques = ("T1187",)
    advice = (
        "Change the password of the account. Block SMB (tcp/445 and tcp/139) and WebDAV to the internet at the border, "
        "and find the mail, document or page that contained the link."
    )
    false_positives = (
        "Public addresses of your own that are not set in `networks`; file servers of partners: add them to `allowed`."
    )
    Options = Options
    watches = (NtlmLogin, HttpRequest)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._webdav: Bounded[tuple[int, int], bool] = self.tables.add("webdav", Bounded(PAIRS_LIMIT))
        self._reported: Recent[tuple[int, int, str]] = self.tables.add(
            "reported", Recent(PAIRS_LIMIT, REPORTED_S * SECOND)
        )
        self._allowed = AddressBlocks(self.options.allowed)

    def wants(self) -> dict[type[Event], Want]:
        return {
            NtlmLogin: field("carrier").is_in("smb", "http") & field("user").filled(),
            HttpRequest: field("user_agent").matches(_WEBDAV),
        }

    def inspect(self, event: Event) -> Iterator[Alert]:
        packet, networks = event.packet, self.context.networks
        if not networks.inside(packet.src) or networks.inside(packet.dst) or packet.dst in self._allowed:
            return
        pair = packet.src, packet.dst
        if isinstance(event, HttpRequest):
            if _WEBDAV.search(event.user_agent):
                self._webdav.put(pair, True)
        elif isinstance(event, NtlmLogin) and event.user and event.method != ANONYMOUS:
            direct = event.carrier == "smb" or (event.carrier == "http" and pair in self._webdav)
            if direct and not self._is_cloud(packet.dst) and self._reported.fresh((*pair, event.user), event.ts):
                yield self._alert(event)

    def _is_cloud(self, address: int) -> bool:
        return any(under(name, SHARES) for name in self.context.names_of(address))

    def _alert(self, event: NtlmLogin) -> Alert:
        actor, target, near, far = ends_of(event.packet)
        account = f"{event.domain}\\{event.user}" if event.domain else event.user
        names = self.context.names_of(target.address)
        protocol = "SMB" if event.carrier == "smb" else "WebDAV"
        return self.alert(
            event,
            actor=actor,
            target=target,
            summary=(
                f"{who(self.context, actor)} sent an NTLM login of {account} to the external host "
                f"{who(self.context, target)}"
            ),
            why=(
                f"{event.method or 'NTLM'} response of {account} over {protocol} to {addresses.text(target.address)}",
                f"{some(list(names)) if names else 'no host name'} resolved to this address",
            ),
            numbers={"logins": 1, "threshold": 1, "user": event.user},
            key=(addresses.text(target.address),),
            confidence=0.85,
            actor_port=near,
            target_port=far,
            network=network_of_packet(self.context, event.packet, event.carrier),
        )
