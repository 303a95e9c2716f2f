"""Xen_ConsoleResourceAllocationSettingData: a text console.

Source: DSP1059 (generic resource allocation).
"""

from __future__ import annotations

from xencim.providers.core.spec import ClassSpec, Const, Prop
from xencim.providers.vm.rows import CONSOLES
from xencim.providers.vm.settings.common import NO_DESCRIPTION, ONE, VIRTUAL, setting_keys, setting_props

_OTHER = 1


def _xml(name: str, field: str, element: str) -> Prop:
    return Prop(
        name,
        lambda _vm, console, _origin: getattr(console, field),
        source=f"virDomainGetXMLDesc: devices/console/{element}",
    )


SPEC = ClassSpec(
    cim_class="ConsoleResourceAllocationSettingData",
    rows=CONSOLES.setting_rows(),
    profiles=("DSP1059", "DSP1041"),
    keys=setting_keys(CONSOLES, "the console's number"),
    props=(
        *setting_props(
            _OTHER, lambda console: f"Console {console.index}", "virDomainGetXMLDesc: devices/console"
        ),
        *ONE,
        VIRTUAL,
        Prop("Caption", Const("Virtual text console"), source="constant: what it is"),
        Prop("OtherResourceType", Const("console"), source="constant: what it is"),
        _xml("ResourceSubType", "target_type", "target/@type"),
        _xml("SourceType", "source_type", "@type"),
        _xml("SourcePath", "source_path", "source/@path"),
        _xml("ConnectURL", "connect", "source[@mode='connect']"),
        _xml("BindURL", "bind", "source[@mode='bind']"),
        _xml("TargetType", "target_type", "target/@type"),
    ),
    unfilled={**NO_DESCRIPTION, "PoolID": "consoles are not taken from a pool"},
)
