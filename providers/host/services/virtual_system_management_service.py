"""The service that defines, changes and removes machines and virtual switches.

Its methods need the *admin* right: settings name files, devices and programs of the host. A picture of
a screen is for whoever operates machines.

Source: DSP1042 1.0, section 10 (CIM_VirtualSystemManagementService); DSP1097 1.0.
"""

from __future__ import annotations

from functools import partial

from xencim import __version__
from xencim.providers.core.access import Access
from xencim.providers.core.spec import ClassSpec, Const, MethodSpec, Prop
from xencim.providers.host.rows import HOST
from xencim.providers.host.services.common import service_keys, service_props
from xencim.providers.host.templates import SPECS as TEMPLATES
from xencim.providers.management import changing, core_dump, screenshot, systems
from xencim.providers.migration import placement
from xencim.providers.network.switches import methods as switches

_METHODS = (
    MethodSpec(
        "DefineSystem",
        switches.by_kind(switches.define_switch, partial(systems.define_system, TEMPLATES)),
        Access.ADMIN,
    ),
    MethodSpec("CopySystem", systems.copy_system, Access.ADMIN),
    MethodSpec("ConvertToXenTemplate", systems.convert_to_template, Access.ADMIN),
    MethodSpec(
        "DestroySystem", switches.by_kind(switches.destroy_switch, systems.destroy_system), Access.ADMIN
    ),
    MethodSpec(
        "ModifySystemSettings",
        switches.by_kind(switches.modify_switch, changing.modify_system_settings),
        Access.ADMIN,
    ),
    MethodSpec("AddResourceSettings", partial(changing.add_resource_settings, TEMPLATES), Access.ADMIN),
    MethodSpec("ModifyResourceSettings", changing.modify_resource_settings, Access.ADMIN),
    MethodSpec("RemoveResourceSettings", changing.remove_resource_settings, Access.ADMIN),
    MethodSpec(placement.METHOD, placement.find_possible_hosts, Access.ADMIN),
    MethodSpec(core_dump.METHOD, core_dump.create_core_dump, Access.ADMIN),
    MethodSpec("GetVirtualSystemThumbnailImage", screenshot.get_thumbnail_image, Access.OPERATE),
)

SPEC = ClassSpec(
    cim_class="VirtualSystemManagementService",
    rows=HOST,
    profiles=("DSP1042",),
    keys=service_keys("Management Service"),
    props=(
        Prop("ElementName", Const("Virtual system management"), source="constant: there is one on a host"),
        *service_props(enabled=bool(_METHODS)),
        Prop(
            "Caption",
            lambda host: " ".join(part for part in (host.hypervisor, host.hypervisor_version) if part),
            source="virConnectGetType, virConnectGetVersion",
        ),
        Prop("Release", Const(__version__), source="the release of xencim"),
        Prop(
            "LibvirtVersion",
            lambda host: host.library_version if host.library == "libvirt" else None,
            source="virConnectGetLibVersion",
        ),
    ),
    methods=_METHODS,
)
