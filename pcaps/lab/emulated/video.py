"""An emulated ONVIF camera (_camera.py), a client that discovers it and requests its device information, and curl as a
player. Needs curl.

Run it as ``python -m pcaps.lab.emulated.video``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pcaps.lab._lab import Lab, record

CAMERA = "pcaps.lab.emulated._camera"
REQUEST = (
    '<?xml version="1.0"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
    '<GetDeviceInformation xmlns="http://www.onvif.org/ver10/device/wsdl"/></s:Body></s:Envelope>'
)


def video(lab: Lab) -> Iterator[None]:
    camera, recorder = lab.host("camera", "10.20.10.61", "48:ea:63:5e:65:01"), lab.host("recorder", "10.20.10.60")
    lab.start(
        camera,
        sys.executable,
        "-m",
        CAMERA,
        "serve",
        camera.ip,
        "UNIVIEW",
        "IPC3614SB-ADF28KM-I0",
        "IPC_G6102-B0007P30D1903C230203",
        "210235C4H55553",
        port=554,
    )
    yield
    lab.run(recorder, sys.executable, "-m", CAMERA, "search", recorder.ip)
    lab.run(
        recorder,
        "curl",
        "-s",
        "-H",
        "Content-Type: application/soap+xml",
        "-d",
        REQUEST,
        f"http://{camera.ip}/onvif/device_service",
    )
    lab.run(recorder, "curl", "-s", "-X", "OPTIONS", f"rtsp://{camera.ip}/media/video1")
    lab.run(recorder, "curl", "-s", "-X", "DESCRIBE", f"rtsp://{camera.ip}/media/video1")
    time.sleep(2)


if __name__ == "__main__":
    record(Path(__file__).parent, video=video)
