"""The package of the provider library: it registers on request only, and undoes it when it is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Packages
    from .machine import Machine

pytestmark = [pytest.mark.packages, pytest.mark.timeout(900)]

ASKED = "xencim-cmpi xencim-cmpi/register multiselect sfcb\n"
LIBRARY = "usr/lib/xencim/xencim/libxencim_cmpi.so"
LINK = "usr/lib/cmpi/libxencim_cmpi.so"
STAGED = "var/lib/sfcb/stage/regs/xencim.reg"
# An sfcb's files as far as registration looks, and a repository tool that says when it was called.
SFCB = """
mkdir -p /var/lib/sfcb/stage/regs /var/lib/sfcb/stage/mofs/root/virt /var/lib/sfcb/stage/mofs/root/interop
mkdir -p /usr/lib/cmpi /usr/share/sfcb/CIM /etc/sfcb
cat /usr/lib/xencim/xencim/mof/schema/qualifiers*.mof > /usr/share/sfcb/CIM/CIM_Schema.mof
echo 'providerDirs: /usr/lib/cmpi' > /etc/sfcb/sfcb.cfg
cat > /var/lib/sfcb/stage/default.reg <<'END'
[$InterOpProvider$]
   provider: InteropProvider
   location: sfcInteropProvider
   namespace: root/interop
END
cat > /usr/bin/sfcbrepos <<'END'
#!/bin/sh
if false; then
    stagingdir=${DESTDIR}/var/lib/sfcb/stage
    cimschemadir=${DESTDIR}/usr/share/sfcb/CIM
fi
END
chmod +x /usr/bin/sfcbrepos
"""


def test_nothing_is_registered_unless_asked(machine: Machine, packages: Packages) -> None:
    machine.install(packages.xencim)
    machine.run("sh", "-e", "-c", SFCB)
    machine.install(packages.cmpi)
    assert machine.run("xencim", "status") == "nothing is registered with a CIMOM\n"
    assert not (machine.root / LINK).exists()


def test_a_registration_that_was_asked_for_follows_the_package(
    machine: Machine, packages: Packages, newer: Packages
) -> None:
    machine.run("debconf-set-selections", data=ASKED)
    machine.install(packages.xencim)
    machine.run("sh", "-e", "-c", SFCB)
    before = machine.files()
    machine.install(packages.cmpi)
    assert machine.run("xencim", "status").startswith("sfcb in /: root/virt, as root, ")
    assert (machine.root / LINK).readlink().as_posix() == f"/{LIBRARY}"
    assert "[Xen_ComputerSystem]" in (machine.root / STAGED).read_text()
    # The server reads there whom to let in.
    machine.run(
        "setpriv", "--reuid=xencim", "--clear-groups", "find", "/var/lib/xencim/registrations", "-readable"
    )

    (machine.root / STAGED).unlink()
    machine.install(*newer.both)
    assert (machine.root / STAGED).exists()

    machine.run("apt-get", "purge", "--yes", "xencim-cmpi")
    after = machine.files()
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert {path for path in changed if not path.startswith(("etc/xencim/", "var/lib/xencim"))} == set()
    assert machine.run("xencim", "status") == "nothing is registered with a CIMOM\n"


def test_a_cimom_that_is_not_there_stops_neither_installation_nor_removal(
    machine: Machine, packages: Packages
) -> None:
    machine.run("debconf-set-selections", data=ASKED.replace("sfcb", "pegasus, sfcb"))
    said = machine.install(*packages.both)
    assert "xencim-cmpi: later: xencim register pegasus" in said
    assert "xencim-cmpi: later: xencim register sfcb" in said
    machine.run("apt-get", "remove", "--yes", "xencim-cmpi", "xencim")
