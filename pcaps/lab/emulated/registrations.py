"""SIPp as VoIP phones of four vendors, and baresip on a PC; they register with a PBX by digest authentication. Needs
sip-tester, baresip-core.

Run it as ``python -m pcaps.lab.emulated.registrations``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record

PHONES = {
    "desk": ("10.20.10.51", "80:5e:c0:5e:62:01", "Yealink SIP-T46S 66.86.0.15"),
    "hall": ("10.20.10.52", "00:0b:82:5e:62:02", "Grandstream GXP2170 1.0.11.35"),
    "board": ("10.20.10.53", "00:04:13:5e:62:03", "snomD785/10.1.64.14"),
    "meeting": ("10.20.10.54", "64:16:7f:5e:62:04", "PolycomRealPresenceTrio-Trio_8800-UA/5.9.5.3153"),
}
REGISTER = """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="registers">
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:USER@[remote_ip]>;tag=[call_number]
To: <sip:USER@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 REGISTER
Contact: <sip:USER@[local_ip]:[local_port]>
User-Agent: AGENT
Max-Forwards: 70
Expires: 3600
Content-Length: 0

]]></send>
  <recv response="401" auth="true"/>
  <send retrans="500"><![CDATA[
REGISTER sip:[remote_ip] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:USER@[remote_ip]>;tag=[call_number]
To: <sip:USER@[remote_ip]>
Call-ID: [call_id]
CSeq: 2 REGISTER
Contact: <sip:USER@[local_ip]:[local_port]>
[authentication username=USER password=4711]
User-Agent: AGENT
Max-Forwards: 70
Expires: 3600
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""


def register(lab: Lab, phone: Host, pbx: Host, user: str, agent: str) -> None:
    scenario = lab.folder / f"{phone.name}.xml"
    scenario.write_text(REGISTER.replace("USER", user).replace("AGENT", agent), encoding="ascii")
    lab.run(
        phone,
        "sipp",
        "-sf",
        str(scenario),
        "-m",
        "1",
        "-i",
        phone.ip,
        "-p",
        "5060",
        "-timeout",
        "8s",
        "-nostdin",
        f"{pbx.ip}:5060",
    )


def softphone(lab: Lab, host: Host, pbx: Host, user: str) -> None:
    """baresip with one account, without audio devices."""
    folder = lab.folder / host.name
    folder.mkdir()
    (folder / "accounts").write_text(f"<sip:{user}@{pbx.ip}>;auth_pass=4711;regint=3600\n", encoding="ascii")
    modules = ("module g711.so", "module_app account.so", "module_app menu.so", "module_tmp uuid.so")
    (folder / "config").write_text(
        "\n".join(("module_path /usr/lib/baresip/modules", *modules, "sip_listen 0.0.0.0:5060")) + "\n",
        encoding="ascii",
    )
    (folder / "contacts").write_text("", encoding="ascii")
    lab.start(host, "baresip", "-f", str(folder))


def registrations(lab: Lab) -> Iterator[None]:
    pbx = lab.host("exchange", "10.20.10.5")
    phones = {name: lab.host(name, ip, mac) for name, (ip, mac, _) in PHONES.items()}
    desktop = lab.host("desktop", "10.20.10.55", "8c:ec:4b:5e:62:05")
    lab.serve(
        pbx, "registrar", "4711", *(str(200 + number) for number in range(len(phones) + 1)), port=5060, proto="udp"
    )
    yield
    for number, (name, phone) in enumerate(phones.items()):
        register(lab, phone, pbx, str(200 + number), PHONES[name][2])
        time.sleep(0.5)
    softphone(lab, desktop, pbx, str(200 + len(phones)))
    time.sleep(3)


if __name__ == "__main__":
    record(Path(__file__).parent, registrations=registrations)
