"""The output of native dissectors: the classes of their events, the kinds of their facts. A number in a row is an index
into these lists.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from sensor.core.event import Event
from sensor.dissectors.arp import ArpAnnouncement, ArpReply, ArpRequest
from sensor.dissectors.dhcp import (
    DhcpAck,
    DhcpDecline,
    DhcpDiscover,
    DhcpInform,
    DhcpNak,
    DhcpOffer,
    DhcpOther,
    DhcpRelease,
    DhcpRequest,
)
from sensor.dissectors.dns import DnsQuery, DnsResponse
from sensor.dissectors.http import HttpRequest, HttpResponse, HttpUnfinished
from sensor.dissectors.icmp import IcmpEcho, IcmpEchoReply, IcmpError, IcmpQuery, IcmpQueryReply, IcmpRedirect
from sensor.dissectors.llmnr import LlmnrQuery, LlmnrResponse
from sensor.dissectors.mdns import MdnsAnnouncement, MdnsQuery
from sensor.dissectors.nbns import NbnsAnswer, NbnsQuery, NbnsRegistered, NbnsRegistration, NbnsRelease, NbnsStatus
from sensor.dissectors.ntp import NtpAnswer, NtpControl, NtpPrivate, NtpQuestion
from sensor.dissectors.shared.dns_message import Question, Record
from sensor.dissectors.shared.snmp_variables import VARIABLES
from sensor.dissectors.sip import SipMedia, SipRequest, SipResponse
from sensor.dissectors.snmp import SnmpRequest, SnmpResponse, SnmpTrap
from sensor.dissectors.ssdp import SsdpAnnouncement, SsdpSearch
from sensor.dissectors.ssh import SshForwarding, SshLogin
from sensor.dissectors.tcp_syn import TcpOddFlags, TcpSyn
from sensor.dissectors.tls import TlsHeartbeat
from sensor.native.punted import (
    HttpDescriptionBody,
    HttpPageBody,
    HttpRequestHead,
    HttpResponseHead,
    HttpSentBody,
    Punted,
    QuicClientHelloBody,
    SshOffer,
    SshVersionLine,
    TlsCertificateBody,
    TlsClientHelloBody,
    TlsOldHello,
    TlsServerHelloBody,
)


class Unit(NamedTuple):
    """The output of one native dissector. ``name``: of its module, and of the Python dissector that is its reference.
    ``facts``: their kinds; if a kind ends with a dot, the dissector appends the rest; ``punted``: messages that a
    Python function reads.
    """

    name: str
    events: tuple[type[Event], ...]
    facts: tuple[str, ...]
    punted: tuple[type[Punted], ...] = ()


_HTTP = (HttpRequestHead, HttpResponseHead, HttpSentBody, HttpPageBody, HttpDescriptionBody)
_DHCP_CLIENT = (
    "dhcp.architecture",
    "dhcp.client_id",
    "dhcp.fqdn",
    "dhcp.hostname",
    "dhcp.message_size",
    "dhcp.mud_url",
    "dhcp.parameter_list",
)
_DHCP = (
    *_DHCP_CLIENT,
    "dhcp.lease",
    "dhcp.role",
    "dhcp.user_class",
    "dhcp.uuid",
    "dhcp.vendor_class",
    "dhcp.vendor_specific",
)
_TLS = (TlsClientHelloBody, TlsServerHelloBody, TlsOldHello, TlsCertificateBody)
_NETBIOS = ("netbios.domain", "netbios.hostname", "netbios.role", "netbios.service")
_SIP = (
    "sip.instance_id",
    "sip.profile",
    "sip.sdp_session",
    "sip.sdp_tool",
    "sip.sdp_user",
    "sip.server",
    "sip.user_agent",
)
_SNMP = (
    "snmp.engine_enterprise",
    "snmp.engine_mac",
    "snmp.enterprise",
    "snmp.trap_enterprise",
    "snmp.tree",
    *sorted(set(VARIABLES.values())),
)
_HTTP_FACTS = ("http.asked", "http.path", "http.proxy", "http.server", "http.user_agent", "http.via")
_SSDP = ("ssdp.header.", "ssdp.location", "ssdp.nt", "ssdp.server", "ssdp.user_agent", "ssdp.usn")
UNITS = (
    Unit("arp", (ArpRequest, ArpReply, ArpAnnouncement), ("arp.address",)),
    Unit(
        "dhcp",
        (DhcpDiscover, DhcpOffer, DhcpRequest, DhcpDecline, DhcpAck, DhcpNak, DhcpRelease, DhcpInform, DhcpOther),
        _DHCP,
    ),
    Unit("dns", (DnsQuery, DnsResponse), ("dns.query", "dns.role")),
    Unit("http", (HttpRequest, HttpResponse, HttpUnfinished), _HTTP_FACTS, _HTTP),
    Unit("icmp", (IcmpEcho, IcmpEchoReply, IcmpQuery, IcmpQueryReply, IcmpError, IcmpRedirect), ()),
    Unit("llmnr", (LlmnrQuery, LlmnrResponse), ("llmnr.hostname",)),
    Unit(
        "mdns",
        (MdnsQuery, MdnsAnnouncement),
        ("mdns.hostname", "mdns.instance", "mdns.query", "mdns.service", "mdns.text", "mdns.txt."),
    ),
    Unit("nbns", (NbnsQuery, NbnsAnswer, NbnsRegistration, NbnsRegistered, NbnsRelease, NbnsStatus), _NETBIOS),
    Unit("ntp", (NtpQuestion, NtpAnswer, NtpControl, NtpPrivate), ("ntp.role",)),
    Unit("quic", (), (), (QuicClientHelloBody,)),
    Unit("sip", (SipRequest, SipResponse, SipMedia), _SIP),
    Unit("snmp", (SnmpRequest, SnmpResponse, SnmpTrap), _SNMP),
    Unit("ssdp", (SsdpSearch, SsdpAnnouncement), _SSDP),
    Unit("ssh", (SshLogin, SshForwarding), (), (SshVersionLine, SshOffer)),
    Unit("tcp_syn", (TcpSyn, TcpOddFlags), ("tcp.syn", "tcp.hops")),
    Unit("tls", (TlsHeartbeat,), (), _TLS),
)
# Classes of tuple items in the fields of events.
RECORDS: tuple[type[msgspec.Struct], ...] = (Question, Record)

NAMES = frozenset(unit.name for unit in UNITS)
KINDS = tuple(event for unit in UNITS for event in unit.events)
FACTS = tuple(fact for unit in UNITS for fact in unit.facts)
PUNTED = tuple(kind for unit in UNITS for kind in unit.punted)
# The name of the dissector, for each of them.
PUNTED_BY = tuple(unit.name for unit in UNITS for _ in unit.punted)
