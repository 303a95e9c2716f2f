"""The words and flags of `xencim vm`; its modules are imported when they run.

Source: the table of commands below.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.cli.settings import add_settings
from xencim.cimom_glue.cli.vm.states import STATES

if TYPE_CHECKING:
    from collections.abc import Callable

    Command = Callable[..., argparse.ArgumentParser]

TEXT = """
    Do the common things with machines, through the running server of this host and its Unix socket.

    Each command is one call of a method, with the rights and the policy of any client; what takes long is
    waited for with a progress bar. --dry-run shows the call and has the server check it; nothing is done.

    examples:
      xencim vm list
      xencim vm define web --cpus 2 --memory 2048 --disk default/web.qcow2 --network default
      xencim vm start web
      xencim vm set web --memory 3072
      xencim vm attach-disk web default/data.qcow2 --target vdb
      xencim vm snapshot create web before-update
      xencim vm console web
"""


def add_vm(commands: Any, command: Command) -> None:  # noqa: ANN401 - argparse names no public type for it
    """Add the command and its actions."""
    vm = command(commands, "vm", "see and steer machines", TEXT)
    actions = vm.add_subparsers(title="actions", metavar="ACTION", required=True, dest="action")

    def action(name: str, summary: str, run: str, *, machine: bool = True) -> argparse.ArgumentParser:
        return _with_machine(command(actions, name, summary, TEXT, f"vm.{run}"), machine=machine)

    for name, summary, run in (
        ("list", "list the machines", "seeing:list"),
        ("show", "show what a machine is made of", "seeing:show"),
        ("console", "show where displays and text consoles are reached", "seeing:console"),
    ):
        one = _json(action(name, summary, run, machine=name != "list"))
        if name == "console":
            one.add_argument("--attach", action="store_true", help="talk to the text console; Ctrl-] leaves")
    for name, (_, summary) in STATES.items():
        one = _changing(action(name, summary, "states:change"))
        one.add_argument("--timeout", type=float, metavar="S", help="how long it may take, in seconds")
    _add_definitions(action)
    _add_devices(action)
    _add_guests(action)
    _add_snapshots(actions, command)


def _add_definitions(action: Callable[..., argparse.ArgumentParser]) -> None:
    define = _changing(action("define", "define a machine", "definitions:define"))
    define.add_argument("--disk", action="append", default=[], metavar="SOURCE", help="POOL/VOLUME or a path")
    define.add_argument("--network", action="append", default=[], metavar="NAME", help="a virtual network")
    define.add_argument("--type", metavar="TYPE", help="VirtualSystemType: KVM, QEMU, Xen_Fullvirt_Guest, …")
    define.add_argument("--namespace", metavar="NAME", help="which host, where several are served")
    _changing(action("delete", "take a machine away; the content of its disks stays", "definitions:delete"))
    change = _stored(_changing(action("set", "change a machine", "definitions:set")))
    change.add_argument("--autostart", action=argparse.BooleanOptionalAction, help="start it with the host")
    for one in (define, change):
        one.add_argument("--cpus", type=int, metavar="N", help="how many processors")
        one.add_argument("--memory", type=int, metavar="MIB", help="how much memory, in MiB")
        one.add_argument("--description", metavar="TEXT", help="what it is for")


def _add_devices(action: Callable[..., argparse.ArgumentParser]) -> None:
    disk = _stored(_changing(action("attach-disk", "give a machine a disk", "devices:attach_disk")))
    disk.add_argument("source", metavar="SOURCE", help="POOL/VOLUME or a path")
    disk.add_argument("--target", metavar="NAME", help="the disk's name in the machine: vdb")
    nic = _stored(_changing(action("attach-nic", "give a machine an interface", "devices:attach_nic")))
    nic.add_argument("network", metavar="NETWORK", help="a virtual network")
    nic.add_argument("--mac", metavar="MAC", help="the interface's address")
    gone = _stored(_changing(action("detach", "take a device from a machine", "devices:detach")))
    gone.add_argument("device", metavar="DEVICE", help="its name as `show` tells it: vdb, 52:54:00:…")


def _add_guests(action: Callable[..., argparse.ArgumentParser]) -> None:
    picture = _changing(action("screenshot", "write what the screen shows to a file", "guests:screenshot"))
    picture.add_argument("file", metavar="FILE", help="the file that is written")
    keys = _changing(action("type", "type on the keyboard", "guests:type"))
    keys.add_argument("text", metavar="TEXT", nargs="?", help="what is typed, as on a US keyboard")
    keys.add_argument("--enter", action="store_true", help="press Enter then")
    keys.add_argument("--ctrl-alt-del", action="store_true", help="press Ctrl, Alt and Del first")
    dump = _changing(action("dump", "write the memory into a volume", "guests:dump"))
    dump.add_argument("pool", metavar="POOL", help="a storage pool that is a folder")
    dump.add_argument("volume", metavar="VOLUME", help="the name of the volume that is made")
    dump.add_argument("--full", action="store_true", help="with the state of all devices")
    dump.add_argument("--live", action="store_true", help="let the machine run meanwhile")


def _add_snapshots(actions: Any, command: Command) -> None:  # noqa: ANN401 - as above
    snapshot = command(actions, "snapshot", "take, apply and forget snapshots", TEXT)
    steps = snapshot.add_subparsers(title="actions", metavar="ACTION", required=True)

    def step(name: str, summary: str) -> argparse.ArgumentParser:
        return _with_machine(command(steps, name, summary, TEXT, f"vm.snapshots:{name}"))

    _json(step("list", "list a machine's snapshots"))
    create = _changing(step("create", "take a snapshot"))
    create.add_argument("name", metavar="NAME", nargs="?", help="the time, where it is not given")
    create.add_argument("--description", metavar="TEXT", help="what it is for")
    create.add_argument("--disk-only", action="store_true", help="without the memory")
    create.add_argument("--quiesce", action="store_true", help="by an agent in the guest; disks only")
    _changing(step("apply", "return a machine to a snapshot")).add_argument("name", metavar="NAME")
    delete = _changing(step("delete", "forget a snapshot"))
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--tree", action="store_true", help="and all that follow from it")


def _with_machine(parser: argparse.ArgumentParser, *, machine: bool = True) -> argparse.ArgumentParser:
    if machine:
        parser.add_argument("machine", metavar="MACHINE", help="the machine's name")
    add_settings(parser, only=("state_dir", "server.socket"))
    return parser


def _json(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    return parser


def _changing(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument(
        "--dry-run", action="store_true", help="show the call and have it checked; nothing is done"
    )
    return parser


def _stored(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--stored", action="store_true", help="only for the next start")
    return parser
