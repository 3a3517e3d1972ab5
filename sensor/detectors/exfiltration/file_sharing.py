"""File sharing services without an account, where anyone can upload a file with a script, recognized by requested
names. Intruders store stolen data there, and fetch their tools from there.
"""

from __future__ import annotations

from sensor.core.alert import Severity
from sensor.detectors.shared.services import NamedServices


class FileSharing(NamedServices):
    """Watches DNS, TLS, QUIC and HTTP."""

    title = "Anonymous file sharing service"
    severity = Severity.low
    adjusts_severity = True
    techniques = ("T1567.002", "T1105")
    advice = (
        "Compare the volume that the host sent with its usual uploads, and ask the user. If a script did it, find out "
        "which files it read before."
    )
    false_positives = "Users who exchange large files with partners: add the domain to `allowed`."
    domains = {
        "MEGA": "mega.nz mega.io mega.co.nz",
        "transfer.sh": "transfer.sh",
        "file.io": "file.io",
        "GoFile": "gofile.io",
        "AnonFiles": "anonfiles.com anonfile.com bayfiles.com",
        "pixeldrain": "pixeldrain.com",
        "temp.sh": "temp.sh",
        "bashupload": "bashupload.com",
        "0x0.st": "0x0.st",
        "Catbox": "catbox.moe",
        "oshi.at": "oshi.at",
        "UFile": "ufile.io",
        "Filebin": "filebin.net",
        "tmpfiles": "tmpfiles.org",
        "SendGB": "sendgb.com",
        "EasyUpload": "easyupload.io",
        "KrakenFiles": "krakenfiles.com",
        "Uguu": "uguu.se",
    }
