"""A NAS with Samba, its NetBIOS name service and MiniDLNA; a computer that browses both. Needs samba, smbclient,
minidlna, curl.

Run it as ``python -m pcaps.lab.emulated.files``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Host, Lab, record


def samba(lab: Lab, host: Host, name: str) -> None:
    """A file server with guest access that announces its NetBIOS name."""
    base = lab.folder / "samba"
    (base / "public").mkdir(parents=True)
    paths = ("private dir", "lock directory", "state directory", "cache directory", "pid directory", "ncalrpc dir")
    lines = [
        "[global]",
        "workgroup = OFFICE",
        f"netbios name = {name}",
        "server string = Samba %v",
        "map to guest = bad user",
        "load printers = no",
    ]
    lines += [
        "interfaces = eth0",
        "bind interfaces only = yes",
        f"log file = {base}/log",
        *(f"{path} = {base}" for path in paths),
    ]
    lines += ["[public]", f"path = {base / 'public'}", "guest ok = yes"]
    settings = base / "smb.conf"
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    lab.start(host, "nmbd", "-F", "--no-process-group", "-s", str(settings), port=137, proto="udp")
    lab.start(host, "smbd", "-F", "--no-process-group", "-s", str(settings), port=445)


def media_server(lab: Lab, host: Host, name: str) -> None:
    """MiniDLNA with an announcement every few seconds."""
    base = lab.folder / "media"
    base.mkdir()
    lines = (
        f"media_dir={base}",
        f"friendly_name={name}",
        f"db_dir={base}",
        f"log_dir={base}",
        "port=8200",
        "network_interface=eth0",
        "notify_interval=3",
        "inotify=no",
    )
    settings = lab.folder / "minidlna.conf"
    settings.write_text("\n".join(lines) + "\n", encoding="ascii")
    lab.start(host, "minidlnad", "-S", "-f", str(settings), "-P", str(lab.folder / "minidlna.pid"), port=8200)


def files(lab: Lab) -> Iterator[None]:
    box, workstation = lab.host("fs01", "10.20.10.4", "00:11:32:5e:66:01"), lab.host("desk", "10.20.10.20")
    yield
    samba(lab, box, "FS01")
    media_server(lab, box, "fs01: media")
    time.sleep(4)
    lab.run(workstation, "unshare", "--uts", "sh", "-c", f"hostname desk && exec smbclient -N -L //{box.ip}")
    lab.run(workstation, "curl", "-s", "-A", "Microsoft-Windows/10.0 UPnP/1.0", f"http://{box.ip}:8200/rootDesc.xml")
    time.sleep(2)


if __name__ == "__main__":
    record(Path(__file__).parent, files=files)
