"""Made-up hosts with real servers in the test's own process: what is on them can be put there."""

from __future__ import annotations

import asyncio
import re
import socket
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pywbem

from xencim.cimom_glue.app import Application
from xencim.cimom_glue.config import load
from xencim.cimom_glue.server import PasswordFile
from xencim.cimom_glue.server.auth.passwords import Cost
from xencim.providers.backends.records import VirtualMachine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from xencim.providers.backends.records import Record

SERVICE = "Xen_VirtualSystemMigrationService"
PASSWORD = "let-me-in"
JOB_STARTED = 4096
COMPLETED, TERMINATED, FAILED = 7, 8, 10  # JobState
MACHINES = 6
RUNNING_VM, OFF_VM, PAUSED_VM = "vm-00000", "vm-00002", "vm-00004"
WITHIN_S = 20

_IN_BRACKETS = re.compile(r" \([^()]*\)$")  # how to put it right: it stands last

_DESTINATION = """
[[migration.destination]]
name = "{name}"
url = "{url}"
ca = "{ca}"
user = "{user}"
password_file = "{password}"
transport = "tcp"
data = "tcp"
hypervisor_host = "there.example"
"""


class Host:
    """A host and its server."""

    def __init__(self, application: Application, folder: Path, url: str) -> None:
        self.application = application
        self.folder = folder
        self.url = url
        [self.site] = application.world.sites
        # The made-up hypervisor itself, behind the policy and what is promised.
        self.fake = self.site.backend._backend._backend  # type: ignore[attr-defined]

    @property
    def certificate(self) -> Path:
        return self.folder / "server.crt"

    def names(self) -> list[str]:
        return sorted(machine.name for machine in self.site.inventory.view.all(VirtualMachine).values())

    def vm(self, name: str) -> VirtualMachine:
        found = self.site.inventory.view.machine_named(name)
        assert found is not None
        return found

    def put(self, record: Record) -> None:
        self.site.inventory.put(record)

    def remove(self, name: str) -> None:
        self.site.inventory.remove(VirtualMachine, self.vm(name).uuid)

    def limit_memory(self, free_mib: int) -> None:
        """Leave the host that much memory beside what its machines take."""
        taken = sum(
            machine.current.memory.maximum_kib
            for machine in self.site.inventory.view.all(VirtualMachine).values()
            if machine.state.is_active
        )
        self.put(replace(self.site.inventory.view.host, memory_kib=taken + free_mib * 1024))

    async def ask(self, ask: Callable[[Any], Any], account: str = "mover") -> Any:  # noqa: ANN401 - pywbem's own
        """Do something over a connection of its own."""

        def call() -> Any:  # noqa: ANN401 - pywbem's own
            with closing(
                pywbem.WBEMConnection(
                    self.url,
                    (account, PASSWORD),
                    default_namespace="root/virt",
                    ca_certs=str(self.certificate),
                    timeout=WITHIN_S,
                )
            ) as connection:
                return ask(connection)

        return await asyncio.to_thread(call)

    async def call(self, method: str, *, account: str = "mover", **given: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - of every type
        """Call a method of the migration service."""

        def invoke(connection: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - pywbem's own
            [service] = connection.EnumerateInstanceNames(SERVICE)
            returned, out = connection.InvokeMethod(method, service, **given)
            return int(returned), dict(out)

        found: tuple[int, dict[str, Any]] = await self.ask(invoke, account)
        return found

    async def refusal(self, method: str, *, account: str = "mover", **given: Any) -> tuple[int, str]:  # noqa: ANN401 - of every type
        """Return why a method is refused."""
        answer = await self._refused(
            lambda connection: connection.InvokeMethod(
                method, connection.EnumerateInstanceNames(SERVICE)[0], **given
            ),
            account,
        )
        assert answer != (0, ""), f"{method} is not refused"
        return answer

    async def migrate(self, name: str, *, to: str = "there", **how: Any) -> tuple[int, dict[str, Any]]:  # noqa: ANN401 - of every type
        """Ask for a machine to be moved."""
        return await self.call("MigrateVirtualSystemToHost", **asked(name, to, how))

    async def not_moved(self, name: str, *, to: str = "there", **how: Any) -> str:  # noqa: ANN401 - of every type
        """Return why a machine is not moved; asking whether it could be says no."""
        assert not await self.is_migratable(name, to=to, **how)
        return (await self.refusal("MigrateVirtualSystemToHost", **asked(name, to, how)))[1]

    async def is_migratable(self, name: str, *, to: str = "there", **how: Any) -> bool:  # noqa: ANN401 - of every type
        """Ask whether a machine could be moved; pywbem takes every boolean that is returned for True."""

        def invoke(connection: Any) -> bool:  # noqa: ANN401 - pywbem's own
            [service] = connection.EnumerateInstanceNames(SERVICE)
            code, _out = connection.InvokeMethod(
                "CheckVirtualSystemIsMigratableToHost", service, **asked(name, to, how)
            )
            assert code == 0
            return b"<VALUE>TRUE</VALUE>" in connection.last_raw_reply

        found: bool = await self.ask(invoke)
        return found

    async def prepare(self, other: Host, name: str, *, account: str = "mover") -> str:
        """Have room kept for another host's machine, and return the token."""
        code, out = await self.call(
            "PrepareIncomingMigration",
            account=account,
            Definition=await other.site.backend.describe(other.vm(name).uuid),
            IsActive=other.vm(name).state.is_active,
        )
        assert (code, out["ValidFor"]) == (0, 120)
        return str(out["Token"])

    async def defined(self, name: str) -> tuple[int, str]:
        """Define a machine; return why not."""
        settings = pywbem.CIMInstance("Xen_VirtualSystemSettingData", {"VirtualSystemIdentifier": name})

        def define(connection: Any) -> None:  # noqa: ANN401 - pywbem's own
            [service] = connection.EnumerateInstanceNames("Xen_VirtualSystemManagementService")
            code, _out = connection.InvokeMethod("DefineSystem", service, SystemSettings=settings)
            assert code == 0

        return await self._refused(define)

    async def started(self, name: str) -> tuple[int, str]:
        """Start a machine; return why not."""

        def start(connection: Any) -> None:  # noqa: ANN401 - pywbem's own
            path, state = machine_path(name), pywbem.Uint16(2)
            code, _out = connection.InvokeMethod("RequestStateChange", path, RequestedState=state)
            assert code == 0

        return await self._refused(start)

    async def _refused(self, ask: Callable[[Any], Any], account: str = "mover") -> tuple[int, str]:
        try:
            await self.ask(ask, account)
        except pywbem.CIMError as error:
            return error.status_code, _IN_BRACKETS.sub("", error.status_description)
        return 0, ""

    async def ended(self, job: pywbem.CIMInstanceName) -> pywbem.CIMInstance:
        await self.site.jobs.finished(str(job["InstanceID"]).partition(":")[2])
        return await self.ask(lambda connection: connection.GetInstance(job))


def asked(name: str, to: str, how: dict[str, Any]) -> dict[str, Any]:
    return {
        "ComputerSystem": machine_path(name),
        "DestinationHost": to,
        "MigrationSettingData": pywbem.CIMInstance("Xen_VirtualSystemMigrationSettingData", how),
    }


def machine_path(name: str) -> pywbem.CIMInstanceName:
    keys = {"CreationClassName": "Xen_ComputerSystem", "Name": name}
    return pywbem.CIMInstanceName("Xen_ComputerSystem", keys, namespace="root/virt")


def destination_tables(there: Host, folder: Path) -> str:
    """Return the configuration of ways to a host: one that is right, and some that are not."""
    right, wrong = folder / "right", folder / "wrong"
    right.write_text(f"{PASSWORD}\n")
    wrong.write_text("let-me-out\n")
    usual = {
        "name": "there",
        "url": there.url,
        "ca": there.certificate,
        "user": "mover",
        "password": right,
    }
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"https://localhost:{closed.getsockname()[1]}"
    ways = (
        usual,
        {**usual, "name": "wrong password", "password": wrong},
        {**usual, "name": "no password", "password": folder / "nothing"},
        {**usual, "name": "other certificate", "ca": folder / "here" / "server.crt"},
        {**usual, "name": "reader", "user": "reader"},
        {**usual, "name": "nobody", "url": nobody},
    )
    return "".join(_DESTINATION.format(**way) for way in ways)


@asynccontextmanager
async def served(folder: Path, name: str, tables: str = "") -> AsyncIterator[Host]:
    """Serve a made-up host."""
    application = await asyncio.to_thread(_application, folder, name, tables)
    [url] = await application.start()
    try:
        yield Host(application, folder, url.replace("127.0.0.1", "localhost"))
    finally:
        await application.stop()


def _application(folder: Path, name: str, tables: str) -> Application:
    folder.mkdir()
    (folder / "xencim.toml").write_text(tables)
    settings: dict[str, str | list[str]] = {
        "backends": [f"fake:{MACHINES}"],
        "state_dir": str(folder),
        "host.name": name,
        "server.http": "off",
        "server.https": "127.0.0.1:0",
        "server.socket": "off",
    }
    config = load(settings, file=str(folder / "xencim.toml"), environ={}).config
    accounts = PasswordFile(config.auth.password_file, cost=Cost(log2_n=4, r=1, p=1))
    accounts.add("mover", PASSWORD, ("xencim-admin",))
    accounts.add("stranger", PASSWORD, ("xencim-admin",))
    accounts.add("reader", PASSWORD, ("xencim",))
    return Application(config)
