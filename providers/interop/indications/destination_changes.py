"""How clients make, change and delete destinations.

Source: DSP1054 1.1, section 8 (operations on CIM_ListenerDestination).
Errors: CimError INVALID_PARAMETER (an address that is none), ALREADY_EXISTS, FAILED (in use).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from xencim.providers.backends.records import ListenerDestination
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.events.subscriptions import PERMANENT, TRANSIENT
from xencim.providers.core.spec import Writes
from xencim.providers.interop.indications.common import (
    ACCESS,
    demand_known,
    demand_owner,
    needed_text,
    system,
    text,
)

if TYPE_CHECKING:
    from xencim.providers.core.spec import InstanceChange, Keys

CLASS = "CIM_ListenerDestinationCIMXML"
_KEY_NAMES = {"systemcreationclassname", "systemname", "name"}
_CHANGEABLE = {"elementname", "persistencetype", "destination"}
CIM_XML = 2
_FIXED = {"creationclassname": CLASS, "protocol": CIM_XML}


def _url(change: InstanceChange) -> str:
    given = needed_text(change, CLASS, "destination")
    url = given if "://" in given else f"http://{given}"
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        good = False
    if not good or parts.username is not None or not url.isprintable() or " " in url:
        raise CimError(
            Status.INVALID_PARAMETER,
            f"{CLASS}.Destination {given[:80]!r} is no address of a listener",
            hint="http://host:port or https://host:port, without a user",
        )
    return url


def _persistence(change: InstanceChange) -> int | None:
    value = cast("int | None", change.values.get("persistencetype"))
    if value not in {None, PERMANENT, TRANSIENT}:
        raise CimError(Status.INVALID_PARAMETER, f"{CLASS}.PersistenceType cannot be {value}, only 2 or 3")
    return value


async def _create(change: InstanceChange) -> Keys:
    demand_known(change, CLASS, _CHANGEABLE | _KEY_NAMES, _FIXED)
    system_class, system_name = system(change)
    record = ListenerDestination(
        name=needed_text(change, CLASS, "name"),
        system_class=system_class,
        system_name=system_name,
        owner=change.principal.name,
        url=_url(change),
        persistence=_persistence(change),
        element_name=text(change, "elementname"),
    )
    await change.subscriptions.add_destination(record)
    return _keys(record)


async def _modify(change: InstanceChange) -> None:
    demand_known(change, CLASS, _CHANGEABLE, _FIXED)
    given = change.values.keys()
    new = {
        **({"url": _url(change)} if "destination" in given else {}),
        **({"persistence": _persistence(change)} if "persistencetype" in given else {}),
        **({"element_name": text(change, "elementname")} if "elementname" in given else {}),
    }
    await change.subscriptions.change_destination(
        _own(change).name,
        lambda record: replace(record, **new),  # type: ignore[arg-type] # by the fields' names
    )


async def _delete(change: InstanceChange) -> None:
    await change.subscriptions.delete_destination(_own(change).name)


def _own(change: InstanceChange) -> ListenerDestination:
    (record,) = cast("tuple[ListenerDestination]", change.row)
    demand_owner(change, record.owner, f"destination {record.name!r}")
    return record


def _keys(record: ListenerDestination) -> Keys:
    return {
        "SystemCreationClassName": record.system_class,
        "SystemName": record.system_name,
        "CreationClassName": CLASS,
        "Name": record.name,
    }


WRITES = Writes(ACCESS, _create, _modify, _delete)
