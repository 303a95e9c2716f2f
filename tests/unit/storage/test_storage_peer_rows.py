"""What the peers can do to storage, and their defects: each has a test of ours.

The numbers are those of the list of peers' features and defects that the project was started from.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

UNIT = "tests/unit/storage"
CLIENTS = "tests/integration/clients/changes/test_storage_clients.py"
STEPS = "tests/integration/clients/methods/resource_steps.py"
ACTIONS = "tests/backends/writing/test_libvirt_storage_actions.py"
DATA = "tests/backends/writing/test_libvirt_pool_data.py"

ROWS = {
    "35 pool create": (CLIENTS, "test_pools_of_every_type_are_defined_as_libvirt_wants_them"),
    "36 pool forget": (CLIENTS, "test_a_pool_is_made_stopped_started_and_removed_without_its_content"),
    "36 pool delete": (STEPS, "stored"),
    "37 discover": (CLIENTS, "test_sources_are_found"),
    "38 image create, delete; 39 resize": (CLIENTS, "test_a_volume_s_life"),
    "15 content, out and in": (
        "tests/integration/clients/changes/test_volume_content.py",
        "test_content_is_written_and_read",
    ),
    "25 disk QoS": (
        "tests/integration/clients/changes/test_disk_limits.py",
        "test_limits_are_set_changed_and_let_go_at_once_and_for_the_next_start",
    ),
    "xs-cim 15: discovery makes something": (ACTIONS, "test_sources_are_found_and_nothing_is_changed"),
    "xs-cim 16: the type is passed over": (
        f"{UNIT}/test_storage_pools.py",
        "test_pools_of_every_type_are_made",
    ),
    "xs-cim 17: to forget destroys": (f"{UNIT}/test_pool_data.py", "test_forgetting_a_pool_deletes_nothing"),
    "xs-cim 17: a used one is destroyed": (f"{UNIT}/test_pool_data.py", "test_content_in_use_stays"),
    "formatting over what is there": (
        DATA,
        "test_a_file_system_is_made_on_an_empty_device_or_over_another",
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_a_row_has_its_test(repository: Path, row: str) -> None:
    file, name = ROWS[row]
    tree = ast.parse((repository / file).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in tree.body if isinstance(node, functions)}
