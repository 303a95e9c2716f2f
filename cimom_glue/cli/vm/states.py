"""`xencim vm start|shutdown|stop|pause|resume|suspend|reboot|reset`: RequestStateChange of a machine.

Source: CIM_EnabledLogicalElement.RequestStateChange.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pywbem

from xencim.cimom_glue.cli.output import Exit
from xencim.cimom_glue.cli.vm.asking import invoke, machine

if TYPE_CHECKING:
    import argparse

STATES = {
    "start": (2, "start a machine, also one whose memory was saved"),
    "shutdown": (4, "ask the guest to shut down"),
    "stop": (3, "switch a machine off at once; what the guest has not written is lost"),
    "pause": (9, "stop a machine's processors"),
    "resume": (2, "let a paused machine go on"),
    "suspend": (6, "save a machine's memory to disk and switch it off"),
    "reboot": (10, "ask the guest to restart"),
    "reset": (11, "restart a machine at once"),
}
"""By the commands' names: RequestedState, and what it does."""


def change(args: argparse.Namespace) -> int:
    """Bring a machine into a state."""
    requested, _ = STATES[args.action]
    timeout = None if args.timeout is None else pywbem.CIMDateTime(timedelta(seconds=args.timeout))
    with machine(args) as one:
        invoke(
            args,
            one.host,
            one.path,
            "RequestStateChange",
            RequestedState=pywbem.Uint16(requested),
            TimeoutPeriod=timeout,
        )
    return Exit.DONE
