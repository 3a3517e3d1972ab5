"""Device descriptions in XML: UPnP (Device Architecture 2.0, 2.3), ONVIF device information, DPWS metadata, and those
of HNAP, ISAPI and Roku ECP. Only the outermost device counts: embedded ones are its parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sensor.core.reader import clean
from sensor.dissectors.shared.xml_tree import Document, Element

# Element → kind of observation, for each format.
UPNP = {
    "deviceType": "upnp.device_type", "manufacturer": "upnp.manufacturer", "modelName": "upnp.model_name",
    "modelNumber": "upnp.model_number", "modelDescription": "upnp.model_description",
    "friendlyName": "upnp.friendly_name", "serialNumber": "upnp.serial", "UDN": "upnp.udn",
    "softwareVersion": "upnp.software_version", "firmwareVersion": "upnp.software_version",
    "displayVersion": "upnp.display_version", "roomName": "upnp.instance",
}  # fmt: skip
ONVIF = {
    "Manufacturer": "onvif.manufacturer",
    "Model": "onvif.model",
    "FirmwareVersion": "onvif.firmware",
    "SerialNumber": "onvif.serial",
}
DPWS_MODEL = {"Manufacturer": "wsd.manufacturer", "ModelName": "wsd.model_name", "ModelNumber": "wsd.model_number"}
DPWS_DEVICE = {"FriendlyName": "wsd.friendly_name", "FirmwareVersion": "wsd.firmware", "SerialNumber": "wsd.serial"}
HNAP = {
    "VendorName": "http.device_vendor",
    "ModelName": "http.device_model",
    "FirmwareVersion": "http.device_firmware",
    "DeviceName": "http.device_name",
}
ISAPI = {
    "deviceName": "http.device_name", "model": "http.device_model", "serialNumber": "http.device_serial",
    "firmwareVersion": "http.device_firmware", "deviceType": "http.device_type",
}  # fmt: skip
ROKU = {
    "vendor-name": "http.device_vendor", "model-name": "http.device_model", "serial-number": "http.device_serial",
    "software-version": "http.device_firmware", "user-device-name": "http.device_name", "is-tv": "http.is_tv",
}  # fmt: skip


class Description(NamedTuple):
    """``standard``: upnp, onvif, dpws, hnap, isapi or roku. ``facts``: (kind, value) in the order of the document."""

    standard: str
    facts: tuple[tuple[str, str], ...]


def describe(document: Document) -> Description | None:
    """The document's statements about its sender; None if the format is unknown or has no usable data."""
    root = document.root
    standard, found = "", list[tuple[str, str]]()
    if root.name == "root" and (device := root.first("device")):
        standard, found = "upnp", _upnp(device)
    elif root.name == "Envelope" and (body := root.first("Body")):
        standard, found = _soap(body)
    elif root.name == "DeviceInfo":
        standard, found = "isapi", _fields(root, ISAPI)
    elif root.name == "device-info":
        standard, found = "roku", _fields(root, ROKU)
    return Description(standard, tuple(dict.fromkeys(found))) if found else None


def _upnp(device: Element) -> list[tuple[str, str]]:
    """A friendly name is also reported as the name of the device, and a name of the model with a number as one text:
    many names are those of a series, many numbers are versions.
    """
    found = _fields(device, UPNP)
    texts = dict(reversed(found))
    name, number = texts.get("upnp.model_name", ""), texts.get("upnp.model_number", "")
    if name and number and number.lower() not in name.lower():
        found.append(("upnp.model", f"{name}; {number}"))
    return found + [("upnp.instance", value) for kind, value in found if kind == "upnp.friendly_name"]


def _soap(body: Element) -> tuple[str, list[tuple[str, str]]]:
    answer = body.children[0] if body.children else body
    if answer.name == "GetDeviceInformationResponse":
        return "onvif", _fields(answer, ONVIF)
    if answer.name == "GetDeviceSettingsResponse":
        return "hnap", _fields(answer, HNAP)
    if answer.name == "Metadata":
        return "dpws", list(_metadata(answer))
    return "", []


def _metadata(metadata: Element) -> Iterator[tuple[str, str]]:
    """The sections of a DPWS response (DPWS 1.1, 5). Windows and similar systems put name and workgroup into
    ``pub:Computer``.
    """
    for section in metadata.all("MetadataSection"):
        for name, fields in (("ThisModel", DPWS_MODEL), ("ThisDevice", DPWS_DEVICE)):
            if part := section.first(name):
                yield from _fields(part, fields)
        for relationship in section.all("Relationship"):
            host = relationship.first("Host")
            if host and (computer := host.value("Computer")):
                name, _, rest = computer.partition("/")
                way, _, group = rest.partition(":")
                if name:
                    yield "wsd.hostname", clean(name)
                if group and way in ("Workgroup", "Domain"):
                    yield f"wsd.{way.lower()}", clean(group)


def _fields(parent: Element, kinds: dict[str, str]) -> list[tuple[str, str]]:
    return [
        (kinds[child.name], value)
        for child in parent.children
        if child.name in kinds and child.closed and (value := parent.value(child.name))
    ]
