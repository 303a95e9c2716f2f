"""A machine at the server, and its methods called: what goes on as a job is waited for.

Source: CIM_ComputerSystem and the services of its host, asked of the running server.
Errors: CommandError when there is no such machine, or a method does not do what it was asked.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.cli.client import connected, rehearsing
from xencim.cimom_glue.cli.jobs import follow
from xencim.cimom_glue.cli.output import CommandError, print_line
from xencim.cimom_glue.cli.settings import load_settings

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pywbem import CIMInstance, CIMInstanceName, WBEMConnection

DONE, JOB_STARTED = 0, 4096
_MACHINES = "_ComputerSystem"
REFUSED = {
    1: "the hypervisor cannot do this; the server's log says what is missing",
    2: "it failed; the server's log says why",
    3: "it was not done in time",
    4: "it failed, or a parameter is wrong; the server's log says why",
    5: "a parameter is wrong, or the machine is not in a state for it",
    6: "it is in use",
    4097: "the machine is not in a state for it",
    4099: "the machine is busy",
}


@dataclass(frozen=True)
class Host:
    """A host that the server serves: one namespace, and one prefix in it."""

    connection: WBEMConnection
    namespace: str
    prefix: str

    def names(self, class_name: str) -> list[CIMInstanceName]:
        """Return the paths of a class's instances."""
        found: list[CIMInstanceName] = self.connection.EnumerateInstanceNames(
            f"{self.prefix}_{class_name}", namespace=self.namespace
        )
        return found

    def instances(self, class_name: str) -> list[CIMInstance]:
        """Return a class's instances."""
        found: list[CIMInstance] = self.connection.EnumerateInstances(
            f"{self.prefix}_{class_name}", namespace=self.namespace
        )
        return found

    def service(self, kind: str) -> CIMInstanceName:
        """Return the path of a service: Management, Snapshot."""
        [path] = self.names(f"VirtualSystem{kind}Service")
        return path

    def settings(self, class_name: str, **properties: object) -> CIMInstance:
        """Return settings of a class; what is None is not told."""
        told = {n: pywbem.CIMProperty(n, v) for n, v in properties.items() if v is not None}
        return pywbem.CIMInstance(f"{self.prefix}_{class_name}", told)

    def setting_path(self, class_name: str, instance_id: str) -> CIMInstanceName:
        """Return the path of settings."""
        return pywbem.CIMInstanceName(
            f"{self.prefix}_{class_name}", {"InstanceID": instance_id}, namespace=self.namespace
        )


@dataclass(frozen=True)
class Machine:
    """A machine of a host."""

    host: Host
    path: CIMInstanceName

    @property
    def name(self) -> str:
        """Its name on its host."""
        return str(self.path["Name"])

    @property
    def setting_name(self) -> str:
        """Its name as it is in InstanceIDs of settings: a semicolon is doubled there."""
        return self.name.replace(";", ";;")

    def parts(self, association: str, result_class: str) -> list[CIMInstance]:
        """Return what is joined with the machine."""
        found: list[CIMInstance] = self.host.connection.Associators(
            self.path, AssocClass=association, ResultClass=result_class
        )
        return found


@contextmanager
def hosts(args: argparse.Namespace) -> Iterator[list[Host]]:
    """Connect to the server, and find the hosts that it serves."""
    with connected(load_settings(args).config.server.socket) as connection:
        found = []
        for one in connection.EnumerateInstances("CIM_Namespace", namespace="interop", PropertyList=["Name"]):
            if one["Name"] == "interop":
                continue
            services = connection.EnumerateInstanceNames(
                "CIM_VirtualSystemManagementService", namespace=one["Name"]
            )
            prefixes = [path.classname.partition("_")[0] for path in services]
            found += [Host(connection, one["Name"], prefix) for prefix in prefixes]
        yield found


@contextmanager
def machine(args: argparse.Namespace) -> Iterator[Machine]:
    """Connect to the server, and find the machine that a command names."""
    with hosts(args) as served:
        found = [
            Machine(host, path)
            for host in served
            for path in host.names("ComputerSystem")
            if path["Name"] == args.machine and path.classname.endswith(_MACHINES)
        ]
        if len(found) != 1:
            problem = "there is no machine" if not found else f"{len(found)} hosts have a machine"
            raise CommandError(f"{problem} {args.machine!r}", hint="`xencim vm list` shows them")
        yield found[0]


def invoke(
    args: argparse.Namespace, host: Host, path: CIMInstanceName, method: str, **parameters: object
) -> dict[str, Any]:
    """Call a method and wait until it is done; with --dry-run, show the call and have it checked."""
    given = {name: value for name, value in parameters.items() if value is not None}
    if args.dry_run:
        print_line(f"{method} of {path}")
        for name, value in given.items():
            for one in value if isinstance(value, list) else [value]:
                print_line(f"  {name} = {_shown(one)}")
        with rehearsing(host.connection):
            code, out = host.connection.InvokeMethod(method, path, **given)
    else:
        code, out = host.connection.InvokeMethod(method, path, **given)
    if code == JOB_STARTED:
        follow(host.connection, host.connection.GetInstance(out["Job"]))
    elif code != DONE:
        said = _said(host, out.get("Job")) or REFUSED.get(code, f"the server answers {code}")
        raise CommandError(f"{method}: {said}")
    if args.dry_run:
        print_line("nothing speaks against it; nothing was done")
        return {}
    return dict(out)


def _said(host: Host, job: CIMInstanceName | None) -> str | None:
    """Return what the job of a method that was not carried out tells of why."""
    found = None if job is None else host.connection.GetInstance(job)["ErrorDescription"]
    return None if found is None else str(found)


def _shown(value: Any) -> str:  # noqa: ANN401 - a parameter of any type
    if isinstance(value, pywbem.CIMInstance):
        told = ", ".join(f"{name}={'***' if name == 'Password' else value[name]}" for name in value)
        return f"{value.classname} ({told})"
    return str(value)
