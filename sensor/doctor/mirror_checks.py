"""Checks of a mirror port: an interface together with its traffic."""

from __future__ import annotations

from sensor.core.reader import clean
from sensor.doctor.card import Card
from sensor.doctor.finding import CheckResult, ok, warning
from sensor.doctor.traffic import Seen
from sensor.doctor.traffic_checks import FEWEST

OTHERS = 0.5
"""Share of frames between other hosts from which an interface is treated as a mirror port."""


def silent_port(card: Card, seen: Seen) -> CheckResult | None:
    """The kernel does not respond to mirrored packets."""
    others = seen.unicast - seen.own
    if card.loopback or card.switching or others < FEWEST or others < OTHERS * seen.unicast:
        return None
    name = clean(card.name)
    fixed = [address for address in card.addresses if ":" not in address]
    ways = (
        [(f"has {', '.join(fixed)}", f"ip address flush dev {name} (manage this host over another interface)")]
        if fixed
        else []
    )
    if card.arp:  # Linux answers on each interface, for the addresses of all (ip-sysctl, arp_ignore)
        ways.append(("answers ARP for all addresses of this host", f"ip link set {name} arp off"))
    if card.ipv6:
        key = f"net.ipv6.conf.{name}.disable_ipv6" if "." not in name else f"net/ipv6/conf/{name}/disable_ipv6"
        ways.append(
            (
                ("configures IPv6 addresses from mirrored router advertisements and answers neighbor solicitations"),
                f"sysctl -w {key}=1",
            )
        )
    if not ways:
        return ok("the kernel does not answer on it: no address, no ARP, no IPv6")
    found = f"this mirror port is not silent: it {', '.join(way for way, _ in ways)}"
    advice = f"{'; '.join(command for _, command in ways)}; at each boot: systemctl enable --now {_unit(name)}"
    return warning(found, advice, addresses=" ".join(card.addresses), arp=card.arp, ipv6=card.ipv6)


def _unit(name: str) -> str:
    """The systemd unit for an interface, quoted for a shell: systemd escapes all but letters and digits of a name
    (systemd-escape(1)).
    """
    escaped = "".join(sign if sign.isalnum() or sign in ":_." else f"\\x{ord(sign):02x}" for sign in name)
    return f"sensor-mirror@{escaped}" if escaped == name else f"'sensor-mirror@{escaped}'"


MIRROR = (silent_port,)
