"""An sfcb to register with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .registration_world import DMTF, QUALIFIERS, program

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT = """\
[$InterOpProvider$]
   provider: InteropProvider
   location: sfcInteropProvider
   namespace: root/interop
#
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An sfcb under a prefix, whose repository tool notes that it ran."""
    root = tmp_path / "sfcb"
    stage = root / "var/lib/sfcb/stage"
    for folder in (stage / "regs", stage / "mofs/root/virt", root / "lib/cmpi", root / "share/sfcb/CIM"):
        folder.mkdir(parents=True)
    (stage / "default.reg").write_text(DEFAULT)
    (root / "share/sfcb/CIM/CIM_Schema.mof").write_text(QUALIFIERS + DMTF)
    (root / "etc/sfcb").mkdir(parents=True)
    (root / "etc/sfcb/sfcb.cfg").write_text("#providerDirs: no\nproviderDirs: lib/cmpi\n")
    program(
        root / "bin/sfcbrepos",
        f"""if false; then
    stagingdir=${{DESTDIR}}/var/lib/sfcb/stage
    cimschemadir=${{DESTDIR}}/share/sfcb/CIM
fi
test -e {root}/broken && {{ echo cannot compile >&2; exit 1; }}
echo "$@" >> {root}/made""",
    )
    return root


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """The provider library."""
    path = tmp_path / "libxencim_cmpi.so"
    path.touch()
    return path
