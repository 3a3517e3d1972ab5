"""Paths of HTTP requests that identify a device: those of its own interface, and those that it requests."""

from __future__ import annotations

import functools
import re

from sensor.core.lazy_pattern import lazy_pattern

# Paths of device interfaces: a successful response shows that the server has the interface.
PATHS = (
    "/onvif/", "/HNAP1", "/upnp/", "/rootDesc.xml", "/description.xml", "/igd", "/tr64desc", "/setup.xml", "/dmr",
    "/nservice", "/xml/device_description", "/query/", "/setup/eureka_info", "/ISAPI/", "/PSIA/", "/SDK/",
    "/axis-cgi/", "/vapix/", "/axis-media/", "/cgi-bin/magicBox", "/cgi-bin/configManager", "/cgi-bin/snapshot",
    "/cgi-bin/mjpg", "/cgi-bin/hi3510", "/cgi-bin/viewer", "/cgi-bin/video", "/cgi-bin/nobody", "/cgi-bin/authLogin",
    "/cgi-bin/guestimage", "/video.cgi", "/image.cgi", "/snapshot.cgi", "/mjpeg.cgi", "/videostream",
    "/decoder_control", "/stw-cgi/", "/nphMotionJpeg", "/SnapshotJPEG", "/get_status.cgi", "/DevMgmt/", "/eSCL/",
    "/PRESENTATION/", "/general/status", "/hp/device/", "/ipp/", "/webapi/", "/shelly", "/rpc/Shelly", "/api/config",
    "/api/v2/", "/api/system/info", "/CGI/Java/", "/putxml", "/getxml", "/status.xml", "/tmUnblock", "/cgi-bin/luci",
    "/goform/", "/boaform/",
)  # fmt: skip
# Requests of devices to their vendors: connectivity checks, new firmware, an upload endpoint for measurements.
REQUESTED_PATHS = (
    "/generate_204", "/gen_204", "/hotspot-detect.html", "/library/test/success.html", "/connecttest.txt",
    "/ncsi.txt", "/kindle-wifi/", "/check_network_status.txt", "/success.txt", "/canonical.html", "/nm-check.txt",
    "/connectivity-check", "/scale/", "/router/firmware/query",
)  # fmt: skip
FIRMWARE = "firmware/"
_OWN = lazy_pattern("|".join(map(re.escape, PATHS)), re.IGNORECASE)
_REQUESTED_PATHS = lazy_pattern(
    "|".join((*map(re.escape, REQUESTED_PATHS), r"/(?:[\w.-]{1,40}/){0,4}" + FIRMWARE)), re.IGNORECASE
)


@functools.lru_cache(maxsize=1024)
def own_path(path: str) -> str:
    """The path without its query if it belongs to a device interface; otherwise empty."""
    bare = path.partition("?")[0]
    return bare if _OWN.match(bare) else ""


@functools.lru_cache(maxsize=1024)
def is_often_requested(path: str) -> bool:
    """Whether a path is one that devices request from their vendors."""
    return _REQUESTED_PATHS.match(path) is not None
