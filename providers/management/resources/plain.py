"""Input devices, text consoles and bus controllers: each property is a field of the record.

Source: DSP1059 1.0 (generic resource allocation).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.records import Console, ControllerDevice, InputDevice
from xencim.providers.management.resource import Resource
from xencim.providers.vm.rows import CONSOLES, CONTROLLERS, INPUTS
from xencim.providers.vm.settings import console, controller
from xencim.providers.vm.settings import input as input_settings

if TYPE_CHECKING:
    from xencim.providers.management.given import Given
    from xencim.providers.management.resource import Scene, Setter

_OTHER, _IO_DEVICE = 1, 13


def _field(name: str) -> Setter:
    return lambda part, value, _scene: replace(part, **{name: None if value == "" else value})


def default_mouse(*, is_paravirtualized: bool) -> InputDevice:
    """Return what a machine is given that is defined without an input device."""
    return InputDevice(type="mouse", bus="xen" if is_paravirtualized else "ps2")


def _make_input(asked: Given, scene: Scene) -> InputDevice:
    is_hvm = scene.machine.current.os_type == "hvm"
    default = default_mouse(is_paravirtualized=not is_hvm)
    kind = asked.text("ResourceSubType") or default.type
    return replace(default, type=kind, bus="usb" if kind == "tablet" else default.bus)


def _placed_input(device: InputDevice, others: tuple[Any, ...]) -> InputDevice:
    return replace(device, index=sum((o.type, o.bus) == (device.type, device.bus) for o in others))


def _make_console(_asked: Given, _scene: Scene) -> Console:
    return Console(index=0, source_type="pty")


def _placed_console(device: Console, others: tuple[Any, ...]) -> Console:
    return replace(device, index=len(others))


def _make_controller(asked: Given, _scene: Scene) -> ControllerDevice:
    kind = asked.text("ResourceSubType")
    if kind is None:
        raise asked.refusal("ResourceSubType", "it is not told what kind of controller it is")
    return ControllerDevice(type=kind, index=-1)


def _placed_controller(device: ControllerDevice, others: tuple[Any, ...]) -> ControllerDevice:
    if device.index >= 0:
        return device
    taken = [other.index for other in others if other.type == device.type]
    return replace(device, index=max(taken, default=-1) + 1)


RESOURCES = (
    Resource(
        spec=input_settings.SPEC,
        parts=INPUTS,
        field="inputs",
        resource_types=(_IO_DEVICE,),
        make=_make_input,
        placed=_placed_input,
        setters={"BusType": _field("bus")},
    ),
    Resource(
        spec=console.SPEC,
        parts=CONSOLES,
        field="consoles",
        resource_types=(_OTHER,),
        make=_make_console,
        placed=_placed_console,
        setters={
            "ResourceSubType": _field("target_type"),
            "TargetType": _field("target_type"),
            "SourceType": _field("source_type"),
            "SourcePath": _field("source_path"),
            "ConnectURL": _field("connect"),
            "BindURL": _field("bind"),
        },
    ),
    Resource(
        spec=controller.SPEC,
        parts=CONTROLLERS,
        field="controllers",
        resource_types=(_OTHER,),
        make=_make_controller,
        placed=_placed_controller,
        setters={
            "Index": _field("index"),
            "Model": _field("model"),
            "Ports": _field("ports"),
            "Vectors": _field("vectors"),
            "Queues": _field("queues"),
        },
    ),
)
