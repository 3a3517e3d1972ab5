"""A host queries a DNS resolver other than the network's: plain DNS, DNS over TLS (RFC 7858) or DNS over HTTPS (RFC
8484).

These queries are neither visible nor filtered. The resolvers of the network are those announced by DHCP and router
advertisements, internal ones that answer several hosts, and those in the option. Plain DNS counts only if such
resolvers are known, because some networks have no internal resolver. Resolvers themselves may query any server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sensor.core import addresses, detector
from sensor.core.alert import Alert, Severity
from sensor.core.bounded import Bounded, Recent
from sensor.core.detector import Context, EventDetector
from sensor.core.dns_codes import NOERROR, NXDOMAIN
from sensor.core.domains import under
from sensor.core.event import Event
from sensor.core.model import Field
from sensor.core.phrases import some
from sensor.core.time_units import DAY, SECOND
from sensor.core.want_nodes import NEVER
from sensor.core.wants import Want, field, held
from sensor.counting.tally import Distinct
from sensor.detectors.shared.hosts import app_of, ends_of, is_fixed_function, network_of_packet, who
from sensor.detectors.shared.named_hosts import AddressBlocks, Blocks
from sensor.dissectors.dhcp import DhcpAck
from sensor.dissectors.dhcpv6 import Dhcpv6Reply
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.ndp import NdpRouterAdvertisement
from sensor.dissectors.quic import QuicClientHello
from sensor.dissectors.tls import TlsClientHello

SERVERS_LIMIT, CLIENTS_LIMIT, REPORTED_LIMIT = 1024, 8, 8192
# An internal host that answers this many others is a DNS server of the network.
QUERIED_BY = 2
DNS, SECURE, HTTPS = 53, 853, 443
# DoH services, by their names.
DOH = frozenset(
    "dns.google dns.google.com dns64.dns.google cloudflare-dns.com one.one.one.one dns.quad9.net dns9.quad9.net "
    "dns10.quad9.net dns11.quad9.net doh.opendns.com dns.opendns.com dns.umbrella.com doh.umbrella.com dns.nextdns.io "
    "doh.cleanbrowsing.org dns.adguard.com dns.adguard-dns.com doh.dns.sb dns.alidns.com doh.pub dns.pub doh.360.cn "
    "doh.li doh.applied-privacy.net doh.libredns.gr doh.mullvad.net dns.mullvad.net dns.digitale-gesellschaft.ch "
    "dnsforge.de doh.tiar.app dns.controld.com freedns.controld.com doh.dnslify.com dns.rabbitdns.org ordns.he.net "
    "doh.centraleu.pi-dns.com dns.switch.ch resolver-eu.lelux.fi dns.twnic.tw public.dns.iij.jp doh.xfinity.com "
    "dns0.eu dns.aa.net.uk doh.ffmuc.net wikimedia-dns.org".split()
)
# Public resolvers, which devices of many vendors use by factory default.
PUBLIC = frozenset(
    addresses.parse(each)
    for each in (
        "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 94.140.14.14 "
        "94.140.15.15 64.6.64.6 64.6.65.6 4.2.2.1 4.2.2.2 77.88.8.8 77.88.8.1 114.114.114.114 114.114.115.115 "
        "223.5.5.5 223.6.6.6 119.29.29.29 180.76.76.76 1.2.4.8 210.2.4.8 84.200.69.80 185.228.168.9 "
        "2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe "
        "2620:119:35::35"
    ).split()
)


class Options(detector.Options):
    """The network's resolvers."""

    resolvers: Blocks = Field(
        (), description="addresses and CIDR blocks of the network's resolvers, in addition to those it learns"
    )
    names: tuple[str, ...] = Field((), description="domains of approved resolvers over TLS or HTTPS")
    again_s: int = Field(86400, ge=60, description="seconds until the same host may be reported again")


class ResolverBypass(EventDetector):
    """Watches queries, answers, DHCP and router advertisements, and TLS and QUIC server names."""

    title = "DNS resolver bypass"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1071.004",)
    advice = (
        "Allow DNS to the network's resolvers only, with a rule at the border. Find out why this host "
        "uses another one, and what else it sends there."
    )
    false_positives = (
        "Browsers and phones with DNS over HTTPS; devices with a public resolver built in; users "
        "who prefer another resolver."
    )
    Options = Options
    watches = (DnsQuery, DnsResponse, TlsClientHello, QuicClientHello, DhcpAck, Dhcpv6Reply, NdpRouterAdvertisement)

    def __init__(self, context: Context, options: Any = None) -> None:
        super().__init__(context, options)
        self._handed: Bounded[int, bool] = self.tables.add("handed", Bounded(SERVERS_LIMIT))
        self._clients: Distinct[int, int] = self.tables.add("clients", Distinct(DAY, SERVERS_LIMIT, CLIENTS_LIMIT))
        self._inner: Bounded[int, bool] = self.tables.add("inner", Bounded(SERVERS_LIMIT))
        self._reported: Recent[tuple[int, str]] = self.tables.add(
            "reported", Recent(REPORTED_LIMIT, self.options.again_s * SECOND)
        )
        self._own = AddressBlocks(self.options.resolvers)
        self._wanted = frozenset(self.options.names)

    def wants(self) -> dict[type[Event], Want]:
        received = (
            (field("packet.sport") == DNS) & field("rcode").is_in(NOERROR, NXDOMAIN) & ~held(self._inner, "packet.src")
        )
        secured = (field("packet.dport") == SECURE) | field("packet.dst").is_in(*PUBLIC) | field("sni").under(DOH)
        handed = field("dns").filled()
        return {
            DnsQuery: NEVER, DnsResponse: received, TlsClientHello: secured, QuicClientHello: secured, DhcpAck: handed,
            Dhcpv6Reply: handed, NdpRouterAdvertisement: handed,
        }  # fmt: skip

    def inspect(self, event: Event) -> Iterator[Alert]:
        if isinstance(event, DnsResponse):
            return self._answered(event)
        if isinstance(event, TlsClientHello | QuicClientHello):
            return self._secured(event)
        if isinstance(event, DhcpAck | Dhcpv6Reply | NdpRouterAdvertisement):
            for server in event.dns:
                self._handed.put(server, True)
        return iter(())

    def _answered(self, event: DnsResponse) -> Iterator[Alert]:
        """An answer shows both ends: a resolver and its client."""
        packet = event.packet
        if packet.sport != DNS or event.rcode not in (NOERROR, NXDOMAIN):
            return
        if self.context.networks.inside(packet.src):
            if packet.src not in self._inner and self._clients.add(packet.src, packet.dst, event.ts) >= QUERIED_BY:
                self._inner.put(packet.src, True)
        elif (
            (len(self._handed) or len(self._inner) or self._own)
            and not self._is_own(packet.src)
            and self._is_ordinary(packet.dst)
        ):
            public = packet.src in PUBLIC
            severe = is_fixed_function(self.context, ends_of(event.packet, answer=True)[0]) and not public
            why = "it is a public resolver" if public else "it is not a known public resolver"
            yield from self._alert(
                event, "DNS", addresses.text(packet.src), why, Severity.medium if severe else Severity.low, answer=True
            )

    def _secured(self, event: TlsClientHello | QuicClientHello) -> Iterator[Alert]:
        packet, name = event.packet, event.sni.lower()
        if packet.dport == SECURE:
            if (
                not self.context.networks.inside(packet.dst)
                and not self._is_own(packet.dst)
                and not under(name, self._wanted)
            ):
                yield from self._alert(
                    event,
                    "DoT",
                    name or addresses.text(packet.dst),
                    f"port {SECURE} is assigned to DNS over TLS",
                    Severity.low,
                )
        elif name and under(name, DOH) and not under(name, self._wanted) and not self._is_own(packet.dst):
            yield from self._alert(
                event, "DoH", name, "the server name belongs to a DNS over HTTPS service", Severity.low
            )
        elif packet.dst in PUBLIC and packet.dport == HTTPS and not name and not self._is_own(packet.dst):
            yield from self._alert(
                event,
                "DoH",
                addresses.text(packet.dst),
                "the address belongs to a public resolver, and no server name was sent",
                Severity.low,
            )

    def _is_own(self, server: int) -> bool:
        return server in self._handed or server in self._inner or server in self._own

    def _is_ordinary(self, client: int) -> bool:
        """Whether an internal client answers no queries itself, as DNS servers and routers that forward queries do."""
        return self.context.networks.inside(client) and not self._is_own(client) and not self._clients.values(client)

    def _alert(
        self, event: Event, how: str, server: str, why: str, severity: Severity, *, answer: bool = False
    ) -> Iterator[Alert]:
        actor, target, sport, dport = ends_of(event.packet, answer=answer)
        if not self.context.networks.inside(actor.address) or not self._reported.fresh((actor.address, how), event.ts):
            return
        over = "" if how == "DNS" else f" over {how}"
        own = [addresses.text(each) for each in (*self._handed, *self._inner)]
        yield self.alert(
            event,
            actor=actor,
            target=target,
            summary=f"{who(self.context, actor)} uses the DNS resolver {server}{over}",
            why=(f"{server} is not a resolver of this network" + (f": {some(own, 3)}" if own else ""), why),
            numbers={"how": how, "server": server, "threshold": 1},
            key=(how,),
            severity=severity,
            confidence=0.8 if own else 0.6,
            actor_port=sport,
            target_port=dport,
            network=network_of_packet(self.context, event.packet, app_of(event), answer=answer),
        )
