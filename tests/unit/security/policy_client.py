"""A client of the policy service, by the engine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from xencim.mof.values import Instance, Path, TypedValue
from xencim.providers.core import operations as op
from xencim.providers.core.access import Principal
from xencim.providers.core.results import MethodReturn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Value

    from .security_world import Secured

_TYPES = {
    bool: "boolean",
    str: "string",
    int: "uint32",
    Path: "reference",
    tuple: "string",
    **dict.fromkeys((datetime, timedelta), "datetime"),
}
_SMALL = {"Mode", "Form", "Reaction", "Topics"}


def service(host: Secured) -> Path:
    keys = (
        ("SystemCreationClassName", "Xen_HostSystem"),
        ("SystemName", host.inventory.view.host.name),
        ("CreationClassName", "Xen_SecurityPolicyService"),
        ("Name", "SecurityPolicyService"),
    )
    return Path("Xen_SecurityPolicyService", keys)


def _typed(name: str, value: object) -> TypedValue:
    first = value[0] if isinstance(value, tuple) and value else value
    cim_type = "uint16" if name in _SMALL else _TYPES[type(first)]
    return TypedValue(cim_type, value)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Answer:
    """What a method answered; ``out`` has no NULLs."""

    return_value: Value
    out: Mapping[str, Value]


async def asked(host: Secured, method: str, who: str = "root", /, **parameters: object) -> Answer:
    """Call a method of the service as somebody."""
    request = op.InvokeMethod(
        namespace="root/virt",
        object_name=service(host),
        method_name=method,
        parameters={name: _typed(name, value) for name, value in parameters.items()},
    )
    result = await host.world.engine.execute(request, Principal(who))
    assert isinstance(result, MethodReturn)
    out = {one.name: cast("Value", one.value) for one in result.out if one.value is not None}
    return Answer(cast("Value", result.return_value), out)


def found(answer: Answer, name: str = "Findings") -> list[dict[str, Value]]:
    """Return what embedded instances tell."""
    value = answer.out.get(name)
    several = value if isinstance(value, tuple) else () if value is None else (value,)
    return [
        {key: one.value for key, one in instance.properties.items()}
        for instance in several
        if isinstance(instance, Instance)
    ]


def messages(answer: Answer) -> list[str]:
    return [str(finding["Message"]) for finding in found(answer)]
