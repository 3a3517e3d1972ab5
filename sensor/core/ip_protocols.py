"""Numbers and names of protocols above IP (IANA, Assigned Internet Protocol Numbers)."""

ICMP, IGMP, TCP, UDP, ICMPV6, SCTP = 1, 2, 6, 17, 58, 132

PROTOCOLS = {ICMP: "icmp", IGMP: "igmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6", SCTP: "sctp"}
WITH_PORTS = (TCP, UDP, SCTP)
