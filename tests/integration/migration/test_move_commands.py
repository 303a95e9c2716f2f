"""Machines checked and moved from the command line: wbemcli and pywbemcli."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.integration.conftest import plain_environment

from .made_up import OFF_VM, PASSWORD, RUNNING_VM, SERVICE, WITHIN_S

if TYPE_CHECKING:
    from .made_up import Host

pytestmark = pytest.mark.clients
KEYS = (
    'SystemCreationClassName="Xen_HostSystem",SystemName="here.example",'
    f'CreationClassName="{SERVICE}",Name="MigrationService"'
)
CHECK, MOVE = "CheckVirtualSystemIsMigratableToHost", "MigrateVirtualSystemToHost"


async def run(host: Host, *words: str) -> str:
    """Return what a command prints; it must have found nothing to complain about."""
    done = await asyncio.to_thread(
        subprocess.run,
        words,
        check=False,
        capture_output=True,
        text=True,
        env=plain_environment(host.folder),
        timeout=WITHIN_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(shutil.which("wbemcli") is None, reason="wbemcli is not installed")
async def test_wbemcli_checks_and_moves(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    url = here.url.replace("://", f"://mover:{PASSWORD}@")
    command = ("wbemcli", "-cacert", str(here.certificate), "cm", f"{url}/root/virt:{SERVICE}.{KEYS}")
    # By its name alone: wbemcli would take a comma for the end of the reference.
    asked = f'ComputerSystem=Xen_ComputerSystem.Name="{RUNNING_VM}",DestinationHost=there'
    assert f"{CHECK}: 0, IsMigratable (boolean): TRUE" in await run(here, *command, f"{CHECK}.{asked}")
    assert RUNNING_VM in here.names()
    assert f"{MOVE}: 0" in await run(here, *command, f"{MOVE}.{asked}")
    assert (RUNNING_VM in here.names(), there.names()) == (False, [RUNNING_VM])


async def test_pywbemcli_checks_and_moves(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    program = str(Path(sys.executable).with_name("pywbemcli"))
    login = (program, "-s", here.url, "-u", "mover", "-p", PASSWORD, "--ca-certs", str(here.certificate))
    command = (*login, "-d", "root/virt", "instance", "invokemethod", f"{SERVICE}.{KEYS}")
    machine = f'Xen_ComputerSystem.CreationClassName="Xen_ComputerSystem",Name="{OFF_VM}"'
    asked = ("-p", f"ComputerSystem={machine}", "-p", "DestinationHost=there")
    told = await run(here, *command, CHECK, *asked)
    assert told.splitlines()[0] == "ReturnValue=0"
    assert "IsMigratable=" in told
    assert OFF_VM in here.names()
    assert (await run(here, *command, MOVE, *asked)).splitlines() == ["ReturnValue=0"]
    assert (OFF_VM in here.names(), there.names()) == (False, [OFF_VM])
