"""The server under test, in a process of its own: changes its made-up host as it is told.

Commands come on standard input, one a line, and are answered by ``done`` when the inventory shows
them: ``change N`` flips the state of the next N machines, ``renew`` replaces all machines by equal
new ones (nothing that was encoded of them is valid any more), ``come N`` and ``go N`` add machines
and take them away, ``quit`` ends.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sys
from collections import deque
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from messages import PASSWORD, USER

from xencim.cimom_glue import logs
from xencim.cimom_glue.app import Application
from xencim.cimom_glue.config import load
from xencim.cimom_glue.server import PasswordFile, run, settle
from xencim.providers.backends.fake import fake_machine
from xencim.providers.backends.records import PowerState, VirtualMachine

if TYPE_CHECKING:
    from xencim.providers.backends.inventory import Inventory


class Changes:
    """What befalls the machines of the first hypervisor."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._next = deque(self._machines())
        self._numbers = itertools.count(len(self._next))

    def obey(self, command: str) -> None:
        """Carry out a command."""
        name, _, count = command.partition(" ")
        getattr(self, f"do_{name}")(int(count or 0))

    def do_change(self, count: int) -> None:
        """Flip the state of some machines, others each time."""
        machines = self._machines()
        for uuid in list(islice(self._next, count)):
            self._next.rotate(-1)
            machine = machines[uuid]
            running = machine.state is PowerState.RUNNING
            state = PowerState.PAUSED if running else PowerState.RUNNING
            self._inventory.put(replace(machine, state=state))

    def do_renew(self, _count: int) -> None:
        """Replace all machines by equal ones."""
        machines = list(self._machines().values())
        for machine in machines:
            self._inventory.remove(VirtualMachine, machine.uuid)
        for machine in machines:
            self._inventory.put(replace(machine))

    def do_come(self, count: int) -> None:
        """Add machines."""
        for _ in range(count):
            machine = fake_machine(next(self._numbers))
            self._inventory.put(machine)
            self._next.append(machine.uuid)

    def do_go(self, count: int) -> None:
        """Take the oldest machines away."""
        for _ in range(count):
            self._inventory.remove(VirtualMachine, self._next.popleft())

    def _machines(self) -> dict[str, VirtualMachine]:
        return dict(self._inventory.view.all(VirtualMachine))


async def _serve(state_dir: Path, backends: list[str]) -> None:
    settings: dict[str, str | list[str]] = {
        "backends": backends,
        "state_dir": str(state_dir),
        "server.http": "127.0.0.1:0",
        "server.https": "off",
        "server.socket": "off",
    }
    config = load(settings, environ={}).config
    accounts = PasswordFile(config.auth.password_file)
    if not accounts.list():
        accounts.add(USER, PASSWORD, ("xencim-admin",))
    application = Application(config)
    urls = await application.start()
    settle()
    try:
        print(f"ready {urls[0].rpartition(':')[2]}", flush=True)
        changes = Changes(application.world.sites[0].inventory)
        while (command := (await asyncio.to_thread(sys.stdin.readline)).strip()) not in {"", "quit"}:
            changes.obey(command)
            print("done", flush=True)
    finally:
        await application.stop()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("backends", nargs="+")
    args = parser.parse_args()
    logs.configure(json=False, level="warning")
    run(_serve(args.state_dir, args.backends))


if __name__ == "__main__":
    main()
