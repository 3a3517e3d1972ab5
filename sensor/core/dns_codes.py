"""Numbers of DNS: record types, response codes and operations (IANA, Domain Name System Parameters)."""

from __future__ import annotations

A, NS, CNAME, NULL, PTR, HINFO, MX, TXT, SIG, KEY, AAAA, SRV = 1, 2, 5, 10, 12, 13, 15, 16, 24, 25, 28, 33
DNAME, RRSIG, HTTPS, AXFR, ANY = 39, 46, 65, 252, 255
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
QUERY, NOTIFY, UPDATE = 0, 4, 5
