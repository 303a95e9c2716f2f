"""What the peers can do: which test shows that ours can, row by row, and what ours cannot and why.

The numbers are those of the list of peers' features that the project was started from.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CLIENTS = "tests/integration/clients"
CHANGES, MOVES = f"{CLIENTS}/changes", f"{CLIENTS}/migration"
SNAPSHOTS, STORAGE = f"{CHANGES}/test_snapshots_clients.py", f"{CHANGES}/test_storage_clients.py"
DISKS, GUESTS = f"{CHANGES}/test_disk_limits.py", f"{CHANGES}/test_manage_guests.py"
SWITCHES = f"{CHANGES}/test_switches_clients.py"
COPIES, MEMORY = f"{CHANGES}/test_copies_clients.py", f"{CHANGES}/test_memory_guests.py"
MIGRATION, METRICS = f"{MOVES}/test_migration_guests.py", "tests/unit/metrics/test_metric_classes.py"
LIVE, QEMU = (f"tests/backends/writing/test_libvirt_write_{name}.py" for name in ("live", "qemu"))

ROWS: dict[int, tuple[tuple[str, str], ...]] = {
    1: ((GUESTS, "test_a_guests_life"),),
    3: ((COPIES, "test_a_guest_is_copied_whole_and_starts"),),
    4: ((COPIES, "test_a_template_is_deployed_and_never_started"),),
    5: (("tests/unit/management/test_vsms_define.py", "test_destroying"),),
    6: ((f"{CHANGES}/test_states_guests.py", "test_each_state_is_reached_within_its_period"),),
    7: ((f"{CHANGES}/test_states_guests.py", "test_each_state_is_reached_within_its_period"),),
    8: ((SNAPSHOTS, "test_a_tree_of_snapshots"),),
    9: (
        (SNAPSHOTS, "test_a_tree_of_snapshots"),
        (SNAPSHOTS, "test_quiescing_is_refused_where_no_agent_answers"),
    ),
    10: ((SNAPSHOTS, "test_a_tree_of_snapshots"),),
    11: ((SNAPSHOTS, "test_a_tree_of_snapshots"),),
    12: ((SNAPSHOTS, "test_a_tree_of_snapshots"),),
    15: ((f"{CHANGES}/test_volume_content.py", "test_content_is_written_and_read"),),
    16: (
        (MIGRATION, "test_a_running_guest_is_moved"),
        (f"{MOVES}/test_migration_changes.py", "test_a_guest_starts_anew_as_another"),
    ),
    17: ((MIGRATION, "test_its_disks_are_copied"),),
    18: ((MIGRATION, "test_to_a_system_answers_what_it_is_there"),),
    19: ((MIGRATION, "test_limits_are_the_hypervisor_s"),),
    20: ((DISKS, "test_media_are_put_in_exchanged_and_taken_out"),),
    21: ((DISKS, "test_disks_come_and_go_while_the_guest_runs"),),
    22: ((QEMU, "test_interfaces"),),
    23: (
        (QEMU, "test_texts_processors_and_pins"),
        (MEMORY, "test_modules_come_and_go_while_the_guest_runs"),
    ),
    24: ((LIVE, "test_devices_go_change_and_come_in_this_order"),),
    25: ((DISKS, "test_limits_are_set_changed_and_let_go_at_once_and_for_the_next_start"),),
    26: ((QEMU, "test_weight_and_cap"),),
    27: (
        ("tests/unit/management/test_vsms_resources.py", "test_processors_are_pinned"),
        (MEMORY, "test_a_running_guest_s_memory_is_taken_from_nodes"),
    ),
    28: ((LIVE, "test_the_memory_in_use_stays_below_the_maximum"),),
    29: ((METRICS, "test_values_of_a_machine"),),
    32: ((METRICS, "test_values_of_a_machine"),),
    33: ((f"{CLIENTS}/indications/test_indications_libvirt.py", "test_what_virsh_does_is_told"),),
    34: ((f"{CLIENTS}/indications/test_indications_pywbem.py", "test_libvirts_events_are_told"),),
    35: ((STORAGE, "test_pools_of_every_type_are_defined_as_libvirt_wants_them"),),
    36: ((STORAGE, "test_a_pool_is_made_stopped_started_and_removed_without_its_content"),),
    37: ((STORAGE, "test_sources_are_found"),),
    38: ((STORAGE, "test_a_volume_s_life"),),
    39: (
        (STORAGE, "test_a_volume_s_life"),
        (STORAGE, "test_a_volume_is_converted_compacted_and_loses_its_backing_image"),
    ),
    41: (
        (
            f"{CHANGES}/test_switches_clients.py",
            "test_a_switch_is_changed_while_it_works_and_for_its_next_start",
        ),
    ),
    43: (("tests/backends/test_libvirt_filters.py", "test_a_filter_is_made_changed_and_deleted"),),
    44: ((GUESTS, "test_a_virtual_station_interface"),),
    45: ((SNAPSHOTS, "test_access_points_tell_where_consoles_are_now"),),
    46: ((SNAPSHOTS, "test_pictures_keys_and_dumps"),),
    55: (
        (
            "tests/integration/migration/test_possible_hosts.py",
            "test_the_host_itself_and_a_destination_that_a_machine_can_be_moved_to",
        ),
    ),
    61: (("tests/unit/management/test_vsms_change.py", "test_system_settings"),),
    62: ((QEMU, "test_firmware_boot_order_and_machine_type"),),
    63: (("tests/unit/jobs/test_jobs_classes.py", "test_a_failed_job_returns_its_error"),),
    64: (("tests/unit/jobs/test_jobs.py", "test_a_queue_is_worked_off_in_order_and_queues_side_by_side"),),
}
NOT_DONE = {
    2: "machines that are planned and not yet defined: no peer on libvirt or Xen has them",
    13: "a tree of snapshots as a file: libvirt has no such form; volumes' content goes in and out (15)",
    14: "machines as a file: settings are read and sent back, volumes' content goes in and out (15)",
    30: "what was measured before: libvirt keeps none of it",
    31: "measuring switched on and off: nothing is measured that nobody asks for",
    40: "blocks that changed: no peer on libvirt or Xen has them",
    42: "bonds: VLANs are done (41), and libvirt without netcf makes no interfaces of the host",
}


def test_every_row_is_in_the_list() -> None:
    assert not ROWS.keys() & NOT_DONE.keys()
    assert sorted((*ROWS, *NOT_DONE)) == [*range(1, 47), 55, 61, 62, 63, 64]


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_tests(repository: Path, row: int) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for file, name in ROWS[row]:
        tree = ast.parse((repository / file).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, functions)}, (row, file, name)
