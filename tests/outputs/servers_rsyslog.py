"""A real rsyslogd with an input for each syslog transport: UDP, TCP, TLS, RELP, RELP over TLS. Acknowledged messages
are in its file.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.outputs.authority import Authority
from tests.outputs.servers_base import Server, free_port
from tests.waiting import until

PROGRAM = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
MODULES = (
    next((folder for folder in Path("/usr").glob("lib*/**/rsyslog") if (folder / "imtcp.so").exists()), Path("/none"))
    if PROGRAM
    else Path("/none")
)
NO_SERVER = "rsyslogd is not installed" if PROGRAM is None else ""
NO_TLS = NO_SERVER or ("" if (MODULES / "lmnsd_ossl.so").exists() else "rsyslog-openssl is not installed")
NO_RELP = NO_SERVER or ("" if (MODULES / "imrelp.so").exists() else "rsyslog-relp is not installed")

# A queue of type Direct: RELP acknowledges a message after its line was written.
CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="{longest}" parser.escapeControlCharactersOnReceive="off")
module(load="imudp")
module(load="imtcp")
template(name="line" type="string" string="%inputname%\\t%rawmsg%\\n")
ruleset(name="kept" queue.type="Direct") {{ action(type="omfile" file="{received}" template="line" asyncWriting="off" flushOnTXEnd="on") }}
input(type="imudp" address="127.0.0.1" port="{udp}" name="udp" ruleset="kept")
input(type="imtcp" address="127.0.0.1" port="{port}" name="tcp" ruleset="kept")
"""
TLS = """
input(type="imtcp" address="127.0.0.1" port="{tls}" name="tls" ruleset="kept" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon"
  streamDriver.caFile="{ca}" streamDriver.certFile="{certificate}" streamDriver.keyFile="{key}")
"""
RELP = """
module(load="imrelp" tls.tlsLib="openssl" ruleset="kept")
input(type="imrelp" address="127.0.0.1" port="{relp}" name="relp" maxDataSize="{longest}")
input(type="imrelp" address="127.0.0.1" port="{relp_tls}" name="relp_tls" tls="on" tls.authMode="name" tls.permittedPeer=["sensor"]
  tls.caCert="{ca}" tls.myCert="{certificate}" tls.myPrivKey="{key}")
"""


class Rsyslog(Server):
    """``port`` is that of plain TCP; the others are ``udp``, ``tls``, ``relp``, ``relp_tls``. Clients of the last
    present the certificate ``client``.
    """

    def __init__(self, longest: str = "128k") -> None:
        super().__init__()
        self.udp, self.tls, self.relp, self.relp_tls = (free_port() for _ in range(4))
        self.more_ports = (self.tls,) * (not NO_TLS) + (self.relp, self.relp_tls) * (not NO_RELP)
        self.received = self.folder / "received"
        self.authority = Authority(self.folder)
        self.client = self.authority.issue("sensor", ("sensor",), client=True)
        certificate, key = self.authority.issue("collector")
        parts = CONFIGURATION + (TLS if not NO_TLS else "") + (RELP if not NO_RELP else "")
        names = vars(self) | {"longest": longest, "ca": self.authority.ca, "certificate": certificate, "key": key}
        (self.folder / "rsyslog.conf").write_text(parts.format(**names))

    def command(self) -> Sequence[str]:
        # A PID file that a kill left behind would prevent the next start.
        (self.folder / "pid").unlink(missing_ok=True)
        return [PROGRAM or "rsyslogd", "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]

    def lines(self, of: str) -> list[str]:
        """Lines received by one input so far, in order. A line that a kill cut off, and that the next one continues, is
        left out: its message was not acknowledged.
        """
        try:
            reported = self.received.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        begins = re.compile(rf".*(?<!relp_){of}\t")  # the name of an input ends with that of another
        return [line[found.end() :] for line in reported if (found := begins.match(line))]

    def wait(self, of: str, right: Callable[[list[str]], bool], wait_s: float = 60) -> list[str]:
        """The lines of an input once they are as expected, or those at the time-out."""
        with contextlib.suppress(AssertionError):
            until(lambda: right(self.lines(of)), timeout_s=wait_s)
        return self.lines(of)
