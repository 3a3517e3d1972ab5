"""Third-party servers of the scenes: configuration, accounts and files are in the folder of the lab. They run in the
foreground until the lab closes.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from pcaps.lab._lab import Host, Lab

ACCOUNT, PASSWORD, ADMIN_PASSWORD = "operator", "sunshine1", "Passw0rd.lab"


def _accounts(lab: Lab) -> str:
    """A shell prefix that adds a fictitious account to those of this host, visible only in the mount namespace of the
    program.
    """
    users, secrets = lab.folder / "passwd", lab.folder / "shadow"
    if not users.exists():
        (home := lab.folder / "home").mkdir(mode=0o755)
        hashed = subprocess.run(
            ["openssl", "passwd", "-6", "-salt", "lab", PASSWORD], check=True, capture_output=True, text=True
        ).stdout.strip()
        users.write_text(
            Path("/etc/passwd").read_text(encoding="utf-8") + f"{ACCOUNT}:x:4000:4000::{home}:/bin/sh\n",
            encoding="utf-8",
        )
        secrets.write_text(
            Path("/etc/shadow").read_text(encoding="utf-8") + f"{ACCOUNT}:{hashed}:20000:0:99999:7:::\n",
            encoding="utf-8",
        )
        lab.folder.chmod(0o755)
    return f"mount --bind {users} /etc/passwd && mount --bind {secrets} /etc/shadow && exec "


def _with_accounts(lab: Lab, host: Host, *command: str, port: int) -> None:
    lab.start(host, "sh", "-c", _accounts(lab) + shlex.join(command), port=port)


def ssh_server(lab: Lab, host: Host) -> None:
    """OpenSSH: the account logs in by password, root by the key of the lab."""
    keys = lab.folder / "keys"
    if not keys.exists():
        keys.mkdir(mode=0o700)
        for name in ("server", "client"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / name)], check=True)
    Path("/run/sshd").mkdir(exist_ok=True)
    options = {
        "HostKey": keys / "server", "AuthorizedKeysFile": keys / "client.pub", "PermitRootLogin": "prohibit-password",
        "UsePAM": "no", "StrictModes": "no",
        "MaxAuthTries": 6, "MaxStartups": 100, "PidFile": "none", "PerSourcePenalties": "no",
    }  # fmt: skip
    _with_accounts(
        lab,
        host,
        "/usr/sbin/sshd",
        "-D",
        "-e",
        "-f",
        "/dev/null",
        *(f"-o{name}={value}" for name, value in options.items()),
        port=22,
    )


def ssh(lab: Lab, client: Host, server: Host, command: str) -> None:
    """Runs a command on a server with the key of the lab."""
    options = ("-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes")
    lab.run(client, "ssh", "-i", str(lab.folder / "keys" / "client"), *options, f"root@{server.ip}", command)


def ftp_server(lab: Lab, host: Host) -> None:
    """vsftpd with the account."""
    settings = lab.folder / f"{host.name}.vsftpd"
    (lab.folder / "empty").mkdir(exist_ok=True)
    lines = ("listen=YES", "anonymous_enable=NO", "local_enable=YES", "write_enable=YES", "background=NO",
    f"secure_chroot_dir={lab.folder / 'empty'}",
             "pam_service_name=vsftpd", "seccomp_sandbox=NO", "max_login_fails=50", "delay_failed_login=0")  # fmt: skip
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    _with_accounts(lab, host, "/usr/sbin/vsftpd", str(settings), port=21)


def telnet_server(lab: Lab, host: Host) -> None:
    """telnetd of GNU inetutils behind socat."""
    _with_accounts(
        lab, host, "socat", "TCP-LISTEN:23,reuseaddr,fork,max-children=20", "EXEC:/usr/sbin/telnetd,pty=0", port=23
    )


def file_server(lab: Lab, host: Host, *shares: str, encrypt: str = "off") -> Path:
    """Samba without a domain; the account can read and write. Returns the folder of the first share. ``encrypt``: value
    of ``server smb encrypt`` (smb.conf(5)).
    """
    base = lab.folder / f"{host.name}.samba"
    base.mkdir()
    paths = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
    lines = [
        "[global]", "workgroup = OFFICE", f"netbios name = {host.name.upper()[:15]}", "map to guest = never",
        "disable netbios = yes", "smb ports = 445",
        "server min protocol = SMB2",
        f"server smb encrypt = {encrypt}", "load printers = no", f"log file = {base}/log", (
            "passdb backend = "
            "tdbsam"
        ),
        "force user = root",
    ]  # fmt: skip
    lines += [f"{name} = {base}" for name in paths]
    for share in shares:
        (base / share).mkdir()
        lines += [f"[{share}]", f"path = {base / share}", "read only = no"]
    settings = base / "smb.conf"
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    add = (
        f"printf '{PASSWORD}\\n{PASSWORD}\\n' | smbpasswd -c {settings} -s -a {ACCOUNT} >/dev/null; "
        f"exec smbd -F --no-process-group -s {settings}"
    )
    lab.start(host, "sh", "-c", _accounts(lab).removesuffix("exec ") + add, port=445)
    return base / shares[0]


def smb(lab: Lab, client: Host, server: Host, share: str, commands: str) -> str:
    """Runs smbclient as the account."""
    return lab.run(
        client,
        "smbclient",
        f"//{server.ip}/{share}",
        "-m",
        "SMB3",
        "-U",
        f"OFFICE/{ACCOUNT}%{PASSWORD}",
        "-c",
        commands,
    )


def domain_controller(lab: Lab, host: Host) -> None:
    """Samba as the domain controller of LAB.EXAMPLE, with a user account and service accounts."""
    base = lab.folder / "domain"
    base.mkdir()
    options = (
        "--realm=LAB.EXAMPLE",
        "--domain=LAB",
        f"--adminpass={ADMIN_PASSWORD}",
        f"--targetdir={base}",
        "--server-role=dc",
        "--dns-backend=NONE",
    )
    lab.run(
        host,
        "samba-tool",
        "domain",
        "provision",
        *options,
        f"--host-name={host.name}",
        f"--host-ip={host.ip}",
        "--option=bind interfaces only = yes",
    )
    settings = base / "etc" / "smb.conf"
    lines = (
        "interfaces = lo eth0",
        "bind interfaces only = yes",
        f"log file = {base}/log",
        "obey pam restrictions = no",
        "server smb encrypt = off",
        "kdc default domain supported enctypes = rc4-hmac",
    )
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("[global]", "\n\t".join(("[global]", *lines)), 1), encoding="utf-8"
    )
    for name in (ACCOUNT, *(f"svc-{number}" for number in range(12))):
        lab.run(host, "samba-tool", "user", "create", name, ADMIN_PASSWORD, "-s", str(settings))
        if name.startswith("svc-"):
            lab.run(host, "samba-tool", "spn", "add", f"MSSQLSvc/{name}.lab.example:1433", name, "-s", str(settings))
    lab.start(host, "samba", "-F", "--no-process-group", "-s", str(settings), port=389)
    lab.run(host, "sleep", "6")


DISPLAY = ":77"


def desktop_server(lab: Lab, host: Host) -> None:
    """xrdp with TLS, up to its login screen."""
    certificate, key = str(lab.folder / "desktop.crt"), str(lab.folder / "desktop.key")
    lab.run(
        host, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host.name}", "-days", "365",
        "-keyout", key, "-out", certificate,
    )  # fmt: skip
    text = Path("/etc/xrdp/xrdp.ini").read_text(encoding="utf-8")
    for name, value in (("certificate", certificate), ("key_file", key), ("security_layer", "tls")):
        text = re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", text)
    settings = lab.folder / "xrdp.ini"
    settings.write_text(text, encoding="utf-8")
    lab.start(host, "xrdp", "-n", "-c", str(settings), port=3389)


def desktop_client(lab: Lab, host: Host) -> Callable[[str], subprocess.Popen[bytes]]:
    """FreeRDP on a virtual display; xdotool sends keystrokes and pointer movements to it."""
    os.environ["DISPLAY"] = DISPLAY
    lab.start(host, "Xvfb", DISPLAY, "-screen", "0", "1280x900x24", "-nolisten", "tcp")
    time.sleep(3)

    def connect(target: str) -> subprocess.Popen[bytes]:
        session = lab.start(
            host, "xfreerdp3", f"/v:{target}", "/u:operator", "/p:guess", "/cert:ignore", "/sec:tls", "/size:1024x768"
        )
        time.sleep(10)
        lab.run(host, "sh", "-c", "xdotool windowfocus $(xdotool search --name FreeRDP | tail -1)")
        return session

    return connect
