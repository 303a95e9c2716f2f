"""Devices written into libvirt's domain XML: those that come, go or differ; the rest stays as it is.

A device's element is edited where it stands, and only in what its record says otherwise: addresses,
aliases and whatever else the record does not know are kept.

Source: libvirt's documentation, "Domain XML format", devices.
Errors: BackendError: unsupported, naming what a record cannot say well enough; invalid.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.changes import KEYS
from xencim.providers.backends.libvirt.xml import device_xml, disk_writer, edit, nic_writer
from xencim.providers.backends.libvirt.xml.parse import attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    from lxml.etree import _Element

    from xencim.providers.backends.records import (
        Console,
        ControllerDevice,
        Graphics,
        InputDevice,
        MachineConfig,
    )

_TAGS = {
    "disks": "disk",
    "nics": "interface",
    "graphics": "graphics",
    "inputs": "input",
    "consoles": "console",
    "controllers": "controller",
}
PARTS = tuple(_TAGS)
_PATHS = frozenset({"file", "dev", "pipe", "unix"})
_SOCKETS = frozenset({"tcp", "udp"})


def elements(devices: _Element, part: str) -> dict[str, _Element]:
    """Return the elements of a part's devices by the devices' keys."""
    found: dict[str, _Element] = {}
    if part == "consoles":
        return {f"{index}": line for index, line in enumerate(device_xml.console_lines(devices))}
    seen: Counter[str] = Counter()
    for element in devices.iterfind(_TAGS[part]):
        match part:
            case "disks":
                key = device_xml.disk(element).target
            case "nics":
                key = device_xml.nic(element).mac
            case "controllers":
                key = KEYS[part](device_xml.controller(element))
            case "graphics":
                key = element.get("type") or "unknown"
            case _:
                key = f"{element.get('type') or 'unknown'}:{element.get('bus') or ''}"
        if part in {"graphics", "inputs"}:
            seen[key] += 1
            key = f"{key}:{seen[key] - 1}"
        found[key] = element
    return found


def write_devices(devices: _Element, config: MachineConfig) -> None:
    """Make the devices those of a definition."""
    for part in PARTS:
        present = elements(devices, part)
        wanted = {KEYS[part](device): device for device in getattr(config, part)}
        for key in present.keys() - wanted.keys():
            _take_away(devices, part, present[key])
        for key, device in wanted.items():
            element = present.get(key)
            if element is None:
                element = new_element(devices, part, device)
            write_device(element, part, device)
    if config.graphics:
        _write_video(devices, config.graphics[0])


def new_element(devices: _Element, part: str, device: Any) -> _Element:  # noqa: ANN401 - a record of that part
    """Append the element of a device that is not there yet, still without what makes it one."""
    is_serial = part == "consoles" and device.target_type == "serial"
    element = etree.SubElement(devices, "serial" if is_serial else _TAGS[part])
    if part in {"graphics", "inputs", "controllers"}:
        edit.set_attribute(element, "", "type", device.type)
    if part == "inputs":
        edit.set_attribute(element, "", "bus", device.bus)
    if part == "controllers":
        edit.set_attribute(element, "", "index", device.index)
    return element


def write_device(element: _Element, part: str, device: Any) -> None:  # noqa: ANN401 - a record of that part
    """Make an element say what a device's record says."""
    _WRITERS[part](element, device)


def _take_away(devices: _Element, part: str, element: _Element) -> None:
    """Remove a device; a serial line goes with the console that repeats it."""
    edit.remove(element)
    if part == "consoles" and device_xml.console(element, 0).target_type == "serial":
        port = attribute(element, "target", "port")
        for line in devices.findall("serial"):
            if attribute(line, "target", "port") == port:
                edit.remove(line)


def _write_graphics(element: _Element, display: Graphics) -> None:
    now = device_xml.display(element, element, display.index)
    if display.listen != now.listen:
        edit.drop(element, "listen")
        edit.set_attribute(element, "", "listen", display.listen)
    for name in ("port", "keymap"):
        if getattr(display, name) != getattr(now, name):
            edit.set_attribute(element, "", name, getattr(display, name))
    if display.password is not None:
        edit.set_attribute(element, "", "passwd", display.password or None)
    if display.autoport != now.autoport:
        edit.set_attribute(element, "", "autoport", "yes" if display.autoport else "no")


def _write_video(devices: _Element, display: Graphics) -> None:
    """Make the first video card what a display shows; another model brings its own sizes."""
    now = device_xml.display(devices, devices, 0)
    memory_kib, heads = display.video_memory_kib, display.video_heads
    if display.video_model != now.video_model:
        edit.drop(devices, "video[1]/model")
        edit.drop(devices, "video[1]/address")
        edit.set_attribute(devices, "video/model", "type", display.video_model)
        memory_kib = None if memory_kib == now.video_memory_kib else memory_kib
        heads = None if heads == now.video_heads else heads
        now = device_xml.display(devices, devices, 0)
    if memory_kib != now.video_memory_kib:
        edit.set_attribute(devices, "video/model", "vram", memory_kib)
    if heads != now.video_heads:
        edit.set_attribute(devices, "video/model", "heads", heads)


def _write_input(element: _Element, device: InputDevice) -> None:
    """Say nothing more: an input device is what its key says."""
    del element, device


def _write_console(element: _Element, console: Console) -> None:
    now = device_xml.console(element, console.index)
    if element.get("type") is not None and console.target_type != now.target_type:
        raise BackendError(
            "unsupported",
            f"consoles[{console.index}].target_type: remove the console and add another one",
        )
    source = console.source_type, console.source_path, console.connect, console.bind
    if source != (now.source_type, now.source_path, now.connect, now.bind):
        _write_line(element, console)
    if element.tag == "console" and console.target_type != now.target_type:
        edit.set_attribute(element, "target", "type", console.target_type)


def _write_line(element: _Element, console: Console) -> None:
    kind = console.source_type or "pty"
    mode = attribute(element, "source", "mode")
    edit.drop(element, "source")
    edit.set_attribute(element, "", "type", kind)
    edit.set_attribute(element, "", "tty", None)
    if kind in _PATHS:
        edit.set_attribute(element, "source", "path", console.source_path)
        if kind == "unix":
            edit.set_attribute(element, "source", "mode", mode or "bind")
    elif kind in _SOCKETS:
        for side, address in (("bind", console.bind), ("connect", console.connect)):
            if address:
                host, _, service = address.rpartition(":")
                source = etree.SubElement(element, "source", mode=side)
                edit.set_attribute(source, "", "host", host or None)
                edit.set_attribute(source, "", "service", service)


def _write_controller(element: _Element, controller: ControllerDevice) -> None:
    now = device_xml.controller(element)
    for name in ("model", "ports", "vectors"):
        if getattr(controller, name) != getattr(now, name):
            edit.set_attribute(element, "", name, getattr(controller, name))
    if controller.queues != now.queues:
        edit.set_attribute(element, "driver", "queues", controller.queues)


_WRITERS: dict[str, Callable[[_Element, Any], None]] = {
    "disks": disk_writer.write_disk,
    "nics": nic_writer.write_nic,
    "graphics": _write_graphics,
    "inputs": _write_input,
    "consoles": _write_console,
    "controllers": _write_controller,
}
