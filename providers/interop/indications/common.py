"""What the classes that subscribers make instances of have in common.

Everybody with operate access may make them; whoever made one may change and delete it, others need
admin access. A property that has no effect here is refused by name, unless it is given the value that
it has anyway.

Source: DSP1054 1.1, section 8 (methods).
Errors: CimError ACCESS_DENIED, INVALID_PARAMETER.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from xencim.providers.core.access import Access
from xencim.providers.core.errors import CimError, Status
from xencim.providers.interop.object_manager import manager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.providers.backends.records import ObjectManager
    from xencim.providers.core.spec import InstanceChange

ACCESS = Access.OPERATE
MAX_TEXT_CHARACTERS = 4096
"""Names, addresses and queries are kept, compared and shown; these are far from it."""


def demand_owner(change: InstanceChange, owner: str, what: str) -> None:
    """Refuse whoever did not make it, unless it is an administrator."""
    if change.principal.name != owner and not change.is_admin:
        raise CimError(Status.ACCESS_DENIED, f"{what} belongs to {owner!r}", hint="admin access is needed")


def demand_known(
    change: InstanceChange, class_name: str, taken: set[str], fixed: Mapping[str, object]
) -> None:
    """Refuse values that would be lost: neither taken nor equal to what the property always is."""
    for name, value in change.values.items():
        if value is not None and name not in taken and fixed.get(name) != value:
            raise CimError(Status.INVALID_PARAMETER, f"{class_name}.{name} cannot be set to {value!r}")


def text(change: InstanceChange, name: str) -> str | None:
    """Return a text that was given, None where it was not or is empty."""
    value = cast("str | None", change.values.get(name))
    if value is not None and len(value) > MAX_TEXT_CHARACTERS:
        raise CimError(
            Status.INVALID_PARAMETER, f"property {name} is longer than {MAX_TEXT_CHARACTERS} characters"
        )
    return value or None


def needed_text(change: InstanceChange, class_name: str, name: str) -> str:
    """Return a text that has to be given."""
    value = text(change, name)
    if value is None:
        raise CimError(Status.INVALID_PARAMETER, f"{class_name} needs property {name}")
    return value


def system(change: InstanceChange) -> tuple[str, str]:
    """Return class and name of the system that a new instance is to be part of; by default, this server's."""
    record = cast("ObjectManager", manager(change.context))
    return (
        text(change, "systemcreationclassname") or record.system_class,
        text(change, "systemname") or record.system_name,
    )
