"""What settings of any pool, or of what is in one, have in common when something is to be made by them.

Source: DSP1041 1.1 (settings as input of CreateChildResourcePool).
Errors: CimError INVALID_PARAMETER, naming parameter, class and property.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.pool_ids import pool_id, pool_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xencim.providers.management.given import Given

NAME = re.compile(r"(?!-|\s|\.{1,2}\Z)[^/\x00-\x1f\x7f]{1,200}(?<!\s)\Z")
"""Names become files' names and programs' arguments, and hypervisors drop white space around them."""
# What says nothing about the thing itself, and what clients send back of the templates they were given.
_BESIDE = frozenset(
    {
        "InstanceID",
        "ElementName",
        "Caption",
        "Description",
        "OtherResourceType",
        "AllocationUnits",
        "VirtualQuantityUnits",
        "ResourceType",
        "ResourceSubType",
        "ChangeableType",
    }
)


def demand_only(asked: Given, names: Iterable[str], what: str) -> None:
    """Refuse by its name a property that is not among these."""
    known = _BESIDE.union(names)
    for name in asked.values:
        if name not in known:
            raise asked.refusal(name, f"it has no meaning for {what}")


def demand_type(asked: Given, resource_type: int, sub_type: str | None, reason: str) -> None:
    """Refuse another ResourceType, and a ResourceSubType other than the one that follows from the rest."""
    if asked.values.get("ResourceType") not in {None, resource_type}:
        raise asked.refusal("ResourceType", f"it is {resource_type} here")
    if sub_type and asked.text("ResourceSubType") not in {None, sub_type}:
        raise asked.refusal("ResourceSubType", reason)


def wanted_name(asked: Given, kind: str, name: str | None) -> str:
    """Return the name of a pool to be made: the method's ElementName, or what PoolID says."""
    told = asked.text("PoolID")
    if told and told != pool_id(kind):
        try:
            bridge, own = pool_name(kind, told)
        except LookupError:
            bridge, own = None, None
        if bridge or own is None or (name and own != name):
            raise asked.refusal("PoolID", f"{told!r} does not name pool {name!r}")
        name = own
    if not name or not NAME.match(name):
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{asked.what}: {name or ''!r} is no name of a pool: ElementName, without a slash, gives it",
        )
    return name
