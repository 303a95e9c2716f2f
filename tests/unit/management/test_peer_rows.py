"""What the peers can do to machines, processors and memory, and their defects: each has a test of ours.

The numbers are those of the list of peers' features and defects that the project was started from.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

UNIT, QEMU = "tests/unit/management", "tests/backends/writing/test_libvirt_write_qemu.py"
STATES, LIVE = "tests/unit/vm/test_vm_state_change.py", "tests/backends/writing/test_libvirt_write_live.py"
GUESTS = "tests/integration/clients/changes/test_manage_guests.py"
COPIES = "tests/integration/clients/changes/test_copies_clients.py"

ROWS = {
    "1 define": (GUESTS, "test_a_guests_life"),
    "3 copy": (COPIES, "test_a_guest_is_copied_whole_and_starts"),
    "4 template, deployment": (COPIES, "test_a_template_is_deployed_and_never_started"),
    "5 destroy; xs-cim 6: a running one": (f"{UNIT}/test_vsms_define.py", "test_destroying"),
    "6 power": (STATES, "test_each_state"),
    "7 suspend to disk": (STATES, "test_each_state"),
    "23 processors while it runs": (QEMU, "test_texts_processors_and_pins"),
    "26 weight and cap; xs-cim 8": (QEMU, "test_weight_and_cap"),
    "27 affinity": (f"{UNIT}/test_vsms_resources.py", "test_processors_are_pinned"),
    "27 NUMA": (
        "tests/backends/writing/test_libvirt_platform_qemu.py",
        "test_virtual_numa_and_placement_are_kept_and_start",
    ),
    "28 range of memory": (LIVE, "test_the_memory_in_use_stays_below_the_maximum"),
    "61 start with the host": (f"{UNIT}/test_vsms_change.py", "test_system_settings"),
    "62 boot order, firmware": (QEMU, "test_firmware_boot_order_and_machine_type"),
    "xs-cim 8 and 21: nothing is passed over": (
        f"{UNIT}/test_vsms_change.py",
        "test_no_property_is_passed_over",
    ),
    "xs-cim 10: a disk without medium": (f"{UNIT}/test_vsms_define.py", "test_no_resource_is_half_made"),
    "xs-cim 19: past the host's processors": (
        "tests/conformance/test_peer_defects.py",
        "test_xscim_19_a_machine_may_have_more_processors_than_its_host",
    ),
    "55 placement; xs-cim 11: System": (
        "tests/integration/migration/test_possible_hosts.py",
        "test_xscim_11_the_machine_is_taken_by_either_name",
    ),
    "libvirt-cim 9: Weight and Limit": (LIVE, "test_figures_on_qemu"),
    "libvirt-cim: TimeoutPeriod ignored": (STATES, "test_the_period_is_the_backends_deadline"),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_test(repository: Path, row: str) -> None:
    file, name = ROWS[row]
    tree = ast.parse((repository / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in tree.body if isinstance(node, functions)}
