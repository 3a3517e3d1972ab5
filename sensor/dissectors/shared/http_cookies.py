"""Cookies that identify the program or device that sets them (RFC 6265), by the beginnings of their names. Values are
sessions and are never read.
"""

from __future__ import annotations

import re

from sensor.core.lazy_pattern import lazy_pattern

# At most 32; none begins another one.
COOKIES = (
    "APSCOOKIE_", "AlteonP", "BCSI-CS-", "BIGipServer", "Bugzilla_login_request_cookie", "CPCVPN_SESSION_ID",
    "Compaq-HMMD", "DSSignInURL", "DokuWiki", "F5_ST", "LastMRH_Session", "MRHSession", "MoodleSession", "NSC_",
    "SVPNCOOKIE", "WebSession_", "_gitlab_session", "_mastodon_session", "_redmine_session", "citrix_ns_id",
    "grafana_session", "i_like_gitea", "oc_sessionPassphrase", "phpMyAdmin", "roundcube_sessid", "sap-usercontext",
    "unifises", "unraid_", "vxoaSessionID", "webvpn", "zbx_session",
)  # fmt: skip
# Repeated fields are joined by line feeds.
_NAMED = lazy_pattern(rf"^({'|'.join(map(re.escape, COOKIES))})[^=;,\s]{{0,80}}=".encode(), re.MULTILINE)


def own_cookie(fields: bytes) -> str:
    """The known beginning of the first such name in the fields ``Set-Cookie``; empty if there is none."""
    found = _NAMED.search(fields)
    return found[1].decode("ascii") if found else ""
