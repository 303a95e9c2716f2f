"""RequestStateChange as pywbem calls it: typed parameters, return values, refusals, what is seen after."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMDateTime, CIMError, CIMInstanceName, Uint8, Uint16

from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.integration.conftest import ServerProcess

ENABLED, DISABLED, SHUT_DOWN, OFFLINE, TEST, QUIESCE, RESET = 2, 3, 4, 6, 7, 9, 11
INVALID_PARAMETER, NOT_FOUND, TYPE_MISMATCH = 4, 6, 13
NOT_SUPPORTED = 1
VM_CLASS = "Xen_ComputerSystem"
VM = CIMInstanceName(VM_CLASS, {"CreationClassName": VM_CLASS, "Name": "vm-00001"}, namespace="root/virt")


@pytest.fixture
def connection(own_server: ServerProcess) -> Iterator[Any]:
    with connect(own_server, account="operator") as made:
        made.InvokeMethod("RequestStateChange", VM, RequestedState=Uint16(ENABLED))
        yield made


def change(connection: Any, state: object, **more: object) -> int:  # noqa: ANN401 - a WBEMConnection
    returned, out = connection.InvokeMethod("RequestStateChange", VM, RequestedState=state, **more)
    # What could not be carried out has a job that says why.
    assert out.keys() == ({"Job"} if returned == NOT_SUPPORTED else set())
    return int(returned)


def states(connection: Any) -> tuple[int, int, list[int]]:  # noqa: ANN401 - as above
    got = connection.GetInstance(VM)
    return got["EnabledState"], got["RequestedState"], got["AvailableRequestedStates"]


def test_there_and_back(connection: Any) -> None:  # noqa: ANN401 - as above
    assert change(connection, Uint16(QUIESCE)) == 0
    assert states(connection) == (9, QUIESCE, [2, 3, 6, 11])
    assert change(connection, Uint16(ENABLED)) == 0
    assert states(connection) == (2, ENABLED, [3, 4, 6, 9, 10, 11])
    assert change(connection, Uint16(OFFLINE)) == 0
    assert states(connection) == (6, OFFLINE, [2])
    assert change(connection, Uint16(ENABLED)) == 0
    assert change(connection, Uint16(SHUT_DOWN)) == 0
    assert states(connection) == (3, SHUT_DOWN, [2])


def test_what_cannot_be(connection: Any) -> None:  # noqa: ANN401 - as above
    assert change(connection, Uint16(ENABLED)) == 4097
    assert change(connection, Uint16(TEST)) == NOT_SUPPORTED
    assert change(connection, Uint16(77)) == 5
    assert change(connection, None) == 5
    assert states(connection)[0] == 2


def test_types_are_converted_or_refused(connection: Any) -> None:  # noqa: ANN401 - as above
    assert change(connection, Uint8(QUIESCE)) == 0
    assert change(connection, "2") == 0
    period = CIMDateTime(timedelta(seconds=10))
    assert change(connection, Uint16(RESET), TimeoutPeriod=period) == 0
    for state, more in [
        ("fast", {}),
        ([Uint16(2)], {}),
        (Uint16(3), {"TimeoutPeriod": "soon"}),
    ]:
        with pytest.raises(CIMError) as caught:
            change(connection, state, **more)
        assert caught.value.status_code == TYPE_MISMATCH
    with pytest.raises(CIMError) as caught:
        change(connection, Uint16(3), Speed=Uint16(1))
    assert caught.value.status_code == INVALID_PARAMETER
    assert caught.value.status_description == "method RequestStateChange takes no parameter 'Speed'"
    assert states(connection)[0] == 2


def test_of_no_machine(connection: Any) -> None:  # noqa: ANN401 - as above
    gone = VM.copy()
    gone.keybindings["Name"] = "gone"
    with pytest.raises(CIMError) as caught:
        connection.InvokeMethod("RequestStateChange", gone, RequestedState=Uint16(3))
    assert caught.value.status_code == NOT_FOUND
    with pytest.raises(CIMError) as caught:
        connection.InvokeMethod("RequestStateChange", VM_CLASS, RequestedState=Uint16(3))
    assert caught.value.status_code == INVALID_PARAMETER
