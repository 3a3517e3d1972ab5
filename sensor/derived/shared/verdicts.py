"""Results of servers that judge a login, by protocol; all others are no verdict on the password."""

from __future__ import annotations

# NTSTATUS values that judge a login ([MS-ERREF] 2.3.1): no such user, wrong password, logon failure, restriction,
# hours, workstation, expired, disabled, type, locked out, must change.
REFUSALS = frozenset((
    0xC0000064, 0xC000006A, 0xC000006D, 0xC000006E, 0xC000006F, 0xC0000070, 0xC0000071, 0xC0000072, 0xC000015B,
    0xC0000193, 0xC0000224, 0xC0000234,
))  # fmt: skip
NO_SUCH_USER = frozenset((0xC0000064,))
# Kerberos errors (RFC 4120, 7.5.9): unknown client, revoked, expired password, wrong password.
UNKNOWN = 6
KDC_REFUSED = (UNKNOWN, 18, 23, 24)
# Results that judge a login: of LDAP (RFC 4511, A.1), of MQTT 3.1.1 (3.2.2.3) and 5.0 (3.2.2.2).
LDAP_REFUSED, MQTT_REFUSED = 49, (4, 5, 134, 135)
# The answer to a request without credentials, or with wrong ones (RFC 9110, 15.5.2).
PASSWORD_WANTED = 401
# HTTP authentication schemes for which an answer 401 judges the password; the others need several rounds.
PASSWORDS = frozenset(("basic", "digest", "query"))
# Status codes that do not depend on a password: malformed, late, misdirected and too many requests, server errors.
UNJUDGED = frozenset((400, 408, 421, 425, 426, 429, 431, *range(500, 1000)))
