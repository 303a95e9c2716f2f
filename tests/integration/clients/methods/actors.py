"""One wish, put by each client in its own words: by pywbem's library, by wbemcli and by pywbemcli."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pywbem import CIMInstance, CIMInstanceName, CIMProperty

from ..programs import WITHIN_S, pywbemcli, wbemcli

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.integration.conftest import ServerProcess

JOB_STARTED, COMPLETED = 4096, 7


@dataclass(frozen=True)
class Ref:
    """A path: the class without its prefix, and as many keys as tell it from others."""

    cls: str
    keys: Mapping[str, str | Ref] = field(default_factory=dict)


@dataclass(frozen=True)
class New:
    """An instance: the class without its prefix, and its properties."""

    cls: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Call:
    """A method of the one instance that ``target`` leads to."""

    target: Ref
    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    returns: int = 0


@dataclass(frozen=True)
class Make:
    """CreateInstance; a reference is the path of what it names."""

    instance: New


@dataclass(frozen=True)
class Delete:
    """DeleteInstance."""

    target: Ref


Wish = Call | Make | Delete


def operation(wish: Wish) -> tuple[str, str]:
    """Return what is asked for: the class and the method, or the operation on an instance."""
    if isinstance(wish, Call):
        return wish.target.cls, wish.method
    if isinstance(wish, Make):
        return wish.instance.cls, "CreateInstance"
    return wish.target.cls, "DeleteInstance"


@dataclass(frozen=True)
class Server:
    """A server of QEMU's and a connection to it, which looks but for pywbem's own turn."""

    process: ServerProcess
    connection: Any

    def path(self, ref: Ref) -> CIMInstanceName:
        """Return the whole path of the only instance that has these keys; of jobs, the last one's."""
        paths = self.connection.EnumerateInstanceNames(f"KVM_{ref.cls}")
        wanted = {name: self._told(key) for name, key in ref.keys.items()}.items()
        found = [
            path
            for path in paths
            if wanted <= {n: self._told(k) for n, k in path.keybindings.items()}.items()
        ]
        if ref.cls == "ConcreteJob":
            found.sort(key=lambda path: self.connection.GetInstance(path)["TimeSubmitted"].datetime)
            found = found[-1:]
        [path] = found
        path.host = None
        return path

    def _told(self, key: object) -> object:
        """Return a key so that it can be compared, a reference without the host that it may tell."""
        path = self.path(key) if isinstance(key, Ref) else key
        return frozenset(path.keybindings.items()) if isinstance(path, CIMInstanceName) else path

    def wait_for_last_job(self) -> None:
        """Wait until the job that was asked for last has ended, and see that it ended well."""
        path, until_s = self.path(Ref("ConcreteJob")), time.monotonic() + WITHIN_S
        while (job := self.connection.GetInstance(path))["JobState"] < COMPLETED:
            assert time.monotonic() < until_s
            time.sleep(0.05)
        assert job["JobState"] == COMPLETED, job["ErrorDescription"]


# As words -----------------------------------------------------------------------------------------


def mof(new: New) -> str:
    """Write an instance in MOF, on one line."""
    told = "; ".join(f"{name} = {_mof_value(value)}" for name, value in new.properties.items())
    return f"instance of KVM_{new.cls} {{ {told}; }};"


def _mof_value(value: object) -> str:
    if isinstance(value, list):
        return f"{{ {', '.join(map(_mof_value, value))} }}"
    if isinstance(value, bool) or not isinstance(value, str):
        return str(value).lower()
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _keys(path: Mapping[str, object]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in path.items())


def word(value: object) -> str:
    """Return a parameter's value as a word of a command line."""
    if isinstance(value, New):
        return mof(value)
    if isinstance(value, Ref):
        return f"root/virt:KVM_{value.cls}.{_keys(value.keys)}"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


# The clients --------------------------------------------------------------------------------------


def _native(value: Any) -> Any:  # noqa: ANN401 - of every type
    if isinstance(value, list):
        return [_native(item) for item in value]
    if isinstance(value, Ref):
        return CIMInstanceName(f"KVM_{value.cls}", dict(value.keys), namespace="root/virt")
    if isinstance(value, New):
        told = {name: CIMProperty(name, _native(item)) for name, item in value.properties.items()}
        return CIMInstance(f"KVM_{value.cls}", told)
    return value


def _with_whole_paths(server: Server, new: New) -> dict[str, Any]:
    """Return the properties of an instance; what its references name is told by all keys."""
    told = new.properties.items()
    return {name: server.path(value) if isinstance(value, Ref) else value for name, value in told}


def by_pywbem(server: Server, wish: Wish) -> None:
    """Have a wish granted by pywbem's library."""
    if isinstance(wish, Make):
        new = CIMInstance(f"KVM_{wish.instance.cls}", _with_whole_paths(server, wish.instance))
        server.connection.CreateInstance(new, namespace="root/virt")
    elif isinstance(wish, Delete):
        server.connection.DeleteInstance(server.path(wish.target))
    else:
        parameters = {name: _native(value) for name, value in wish.parameters.items()}
        target = server.path(wish.target)
        returned, _ = server.connection.InvokeMethod(wish.method, target, **parameters)
        _judge(server, wish, int(returned))


def by_wbemcli(server: Server, wish: Wish) -> None:
    """Have a wish granted by wbemcli, which takes a comma in a value for the value's end."""
    if isinstance(wish, Make):
        _create_by_wbemcli(server, wish.instance)
        return
    path = server.path(wish.target)
    words = f"root/virt:{path.classname}.{_keys(path.keybindings)}"
    if isinstance(wish, Delete):
        wbemcli(server.process, "di", words)
        return
    given = [
        (name, value[0] if isinstance(value, list) else value) for name, value in wish.parameters.items()
    ]
    told = ",".join(f"{name}={_with_host(value)}" for name, value in given)
    call = f"{wish.method}.{told}" if told else wish.method
    lines = wbemcli(server.process, "cmx" if wish.method in _AS_XML else "cm", words, call)
    [returned] = re.findall(rf"(?:{wish.method}: |<RETURNVALUE[^>]*><VALUE>)([0-9]+)", "\n".join(lines))
    _judge(server, wish, int(returned))


def _with_host(value: object) -> str:
    """Return a value as a word; a reference with a slash in a key needs a host to be taken apart rightly."""
    return f"localhost/{word(value)}" if isinstance(value, Ref) else word(value)


# wbemcli cannot read an array of references; it shows the whole answer instead.
_AS_XML = frozenset({"AddResourceSettings", "ModifyResourceSettings", "FindPossibleHostsToRunOn"})


def _create_by_wbemcli(server: Server, new: New) -> None:
    # It wants all keys, in the path and once more: those that are not told are as its likes have them.
    [like, *_] = server.connection.EnumerateInstanceNames(f"KVM_{new.cls}")
    keys = _keys({**like.keybindings, **new.properties})
    wbemcli(server.process, "ci", f"root/virt:KVM_{new.cls}.{keys}", keys)


def by_pywbemcli(server: Server, wish: Wish) -> None:
    """Have a wish granted by pywbemcli, in whose arrays a comma begins the next item."""
    if isinstance(wish, Make):
        words = _options(_with_whole_paths(server, wish.instance))
        pywbemcli(server.process, "instance", "create", f"KVM_{wish.instance.cls}", *words)
        return
    path = str(server.path(wish.target))
    if isinstance(wish, Delete):
        pywbemcli(server.process, "instance", "delete", path)
        return
    told = pywbemcli(
        server.process, "instance", "invokemethod", path, wish.method, *_options(wish.parameters)
    )
    [returned] = re.findall("^ReturnValue=([0-9]+)$", told, re.MULTILINE)
    _judge(server, wish, int(returned))


def _options(values: Mapping[str, Any]) -> list[str]:
    words = []
    for name, value in values.items():
        is_array = isinstance(value, list)
        items = [word(item) for item in value] if is_array else [word(value)]
        text = ",".join(item.replace(",", "\\,") for item in items) if is_array else items[0]
        words += ["-p", f"{name}={text}"]
    return words


def _judge(server: Server, wish: Call, returned: int) -> None:
    if returned == JOB_STARTED and wish.returns == 0:
        server.wait_for_last_job()
    else:
        assert returned == wish.returns, wish


_REFERENCES_ARE_KEYS = "takes no path whose keys are references"
CANNOT: Mapping[str, Mapping[tuple[str, str], str]] = {
    "wbemcli": {
        ("VirtualSystemManagementService", "RemoveResourceSettings"): (
            "adds a broken reference of its own to an array of references"
        ),
        **{
            (cls, name): _REFERENCES_ARE_KEYS
            for cls in ("NestedFilterList", "AppliedFilterList")
            for name in ("CreateInstance", "DeleteInstance")
        },
    },
}
"""By client and operation: why the client itself cannot ask for it; pywbem does in its place."""
CLIENTS: Mapping[str, Callable[[Server, Wish], None]] = {
    "pywbem": by_pywbem,
    "wbemcli": by_wbemcli,
    "pywbemcli": by_pywbemcli,
}
