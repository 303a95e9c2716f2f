"""The devices of libvirt's domain XML as records.

Each device's identity is what stays when others come and go: a disk's target, an interface's MAC
address, a controller's type and index; displays, input devices and consoles are counted among
their kind. Secrets (a display's password) are not looked at.

Source: libvirt's documentation, "Domain XML format", devices.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.libvirt.xml.parse import attribute, number, text, yes
from xencim.providers.backends.records import (
    Bandwidth,
    Console,
    ControllerDevice,
    Disk,
    Graphics,
    InputDevice,
    Nic,
)

if TYPE_CHECKING:
    from lxml.etree import _Element

DISK_LIMITS = {
    "total_bytes_s": "total_bytes_sec",
    "read_bytes_s": "read_bytes_sec",
    "write_bytes_s": "write_bytes_sec",
    "total_iops": "total_iops_sec",
    "read_iops": "read_iops_sec",
    "write_iops": "write_iops_sec",
}
"""Fields of a disk by what libvirt calls them, in its XML below iotune and as block I/O parameters."""
VSI_PORT = "802.1Qbg"
"""The type of an interface's virtual port that has these parameters."""
VSI_NUMBERS = {"vsi_manager_id": "managerid", "vsi_type_id": "typeid", "vsi_type_version": "typeidversion"}
DISK_SOURCES = {"file": "file", "block": "dev", "dir": "dir", "network": "name"}


def disks(devices: _Element) -> tuple[Disk, ...]:
    """Return the disks, CD-ROMs and floppies by target."""
    found = (disk(element) for element in devices.iterfind("disk"))
    return tuple({one.target: one for one in found if one.target}.values())


def disk(element: _Element) -> Disk:
    """Return what an element says of its disk."""
    source_type = element.get("type")
    return Disk(
        target=attribute(element, "target", "dev") or "",
        device=element.get("device") or "disk",
        bus=attribute(element, "target", "bus"),
        source_type=source_type,
        source=attribute(element, "source", DISK_SOURCES.get(source_type or "", "file")),
        pool=attribute(element, "source", "pool"),
        volume=attribute(element, "source", "volume"),
        driver_name=attribute(element, "driver", "name"),
        driver_type=attribute(element, "driver", "type"),
        cache=attribute(element, "driver", "cache"),
        readonly=element.find("readonly") is not None,
        shareable=element.find("shareable") is not None,
        serial=text(element, "serial"),
        boot_order=number(attribute(element, "boot", "order")),
        **{field: number(text(element, f"iotune/{name}")) or None for field, name in DISK_LIMITS.items()},
    )


def nics(devices: _Element) -> tuple[Nic, ...]:
    """Return the network interfaces by MAC address."""
    found = (nic(element) for element in devices.iterfind("interface"))
    return tuple({one.mac: one for one in found if one.mac}.values())


def nic(element: _Element) -> Nic:
    """Return what an element says of its interface."""
    link = attribute(element, "link", "state")
    tags = (number(tag.get("id")) for tag in element.iterfind("vlan/tag"))
    return Nic(
        mac=(attribute(element, "mac", "address") or "").lower(),
        source_type=element.get("type") or "user",
        network=attribute(element, "source", "network"),
        bridge=attribute(element, "source", "bridge"),
        source_dev=attribute(element, "source", "dev"),
        mode=attribute(element, "source", "mode"),
        model=attribute(element, "model", "type"),
        target_dev=attribute(element, "target", "dev"),
        link_up={"up": True, "down": False}.get(link or ""),
        mtu=number(attribute(element, "mtu", "size")),
        boot_order=number(attribute(element, "boot", "order")),
        filter_ref=attribute(element, "filterref", "filter"),
        profile_id=attribute(element, "virtualport/parameters", "profileid"),
        **_vsi(element),
        vlan_ids=tuple(tag for tag in tags if tag is not None),
        inbound=bandwidth(element.find("bandwidth/inbound")),
        outbound=bandwidth(element.find("bandwidth/outbound")),
    )


def _vsi(element: _Element) -> dict[str, Any]:
    parameters = element.find(f"virtualport[@type='{VSI_PORT}']/parameters")
    if parameters is None:
        return {}
    numbers = {field: number(parameters.get(name)) for field, name in VSI_NUMBERS.items()}
    return {**numbers, "vsi_instance_id": parameters.get("instanceid")}


def bandwidth(element: _Element | None) -> Bandwidth | None:
    """Return the limits of one direction, None where none are told."""
    if element is None:
        return None
    return Bandwidth(
        average_kib_s=number(element.get("average")),
        peak_kib_s=number(element.get("peak")),
        burst_kib=number(element.get("burst")),
        floor_kib_s=number(element.get("floor")),
    )


def graphics(devices: _Element) -> tuple[Graphics, ...]:
    """Return the remote displays."""
    seen: Counter[str] = Counter()
    found = []
    for element in devices.iterfind("graphics"):
        kind = element.get("type") or "unknown"
        found.append(display(element, devices, seen[kind]))
        seen[kind] += 1
    return tuple(found)


def display(element: _Element, devices: _Element, index: int) -> Graphics:
    """Return what an element says of its display; the first video card is what all displays show."""
    video = devices.find("video/model")
    return Graphics(
        type=element.get("type") or "unknown",
        index=index,
        listen=element.get("listen") or attribute(element, "listen", "address"),
        port=number(element.get("port")),
        autoport=bool(yes(element.get("autoport"))),
        keymap=element.get("keymap"),
        video_model=None if video is None else video.get("type"),
        video_memory_kib=None if video is None else number(video.get("vram")),
        video_heads=None if video is None else number(video.get("heads")),
    )


def inputs(devices: _Element) -> tuple[InputDevice, ...]:
    """Return mice, tablets and keyboards."""
    seen: Counter[tuple[str, str | None]] = Counter()
    found = []
    for element in devices.iterfind("input"):
        kind = element.get("type") or "unknown", element.get("bus")
        found.append(InputDevice(type=kind[0], bus=kind[1], index=seen[kind]))
        seen[kind] += 1
    return tuple(found)


def consoles(devices: _Element) -> tuple[Console, ...]:
    """Return the consoles and serial lines."""
    return tuple(console(element, index) for index, element in enumerate(console_lines(devices)))


def console_lines(devices: _Element) -> list[_Element]:
    """Return the elements of consoles, then those of serial lines that no console repeats.

    libvirt shows a machine's first serial line a second time as its console.
    """
    lines = list(devices.iterfind("console"))
    repeated = {
        attribute(line, "target", "port") for line in lines if attribute(line, "target", "type") == "serial"
    }
    return lines + [s for s in devices.iterfind("serial") if attribute(s, "target", "port") not in repeated]


def console(element: _Element, index: int) -> Console:
    """Return what an element says of its console."""
    sockets = {
        source.get("mode"): f"{source.get('host') or ''}:{source.get('service')}"
        for source in element.iterfind("source")
        if source.get("service")
    }
    return Console(
        index=index,
        source_type=element.get("type"),
        source_path=attribute(element, "source", "path"),
        target_type="serial" if element.tag == "serial" else attribute(element, "target", "type"),
        connect=sockets.get("connect"),
        bind=sockets.get("bind"),
    )


def controllers(devices: _Element) -> tuple[ControllerDevice, ...]:
    """Return the bus controllers by type and index."""
    found = (controller(element) for element in devices.iterfind("controller"))
    return tuple({(one.type, one.index): one for one in found}.values())


def controller(element: _Element) -> ControllerDevice:
    """Return what an element says of its controller."""
    return ControllerDevice(
        type=element.get("type") or "unknown",
        index=number(element.get("index")) or 0,
        model=element.get("model"),
        ports=number(element.get("ports")),
        vectors=number(element.get("vectors")),
        queues=number(attribute(element, "driver", "queues")),
    )
