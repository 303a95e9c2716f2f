"""Hatchling's hook: a wheel brings the provider library for existing CIMOMs where it can be compiled.

Such a wheel is for one platform. Where `make` or a C compiler is missing, or XENCIM_NO_CMPI is set, it is for
all of them and without the library; so are editable installs, whose library is what `make cmpi` builds.

Source: hatchling's documentation of build hooks; PEP 425 (tags).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_BUILT = "build/libxencim_cmpi.so"
_PLACE = "xencim/libxencim_cmpi.so"


class CmpiLibraryHook(BuildHookInterface[Any]):
    """Compiles the library and adds it to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before the wheel's files are collected."""
        needed = ("make", os.environ.get("CC", "cc"))
        missing = [program for program in needed if shutil.which(program) is None]
        if version == "editable" or missing or os.environ.get("XENCIM_NO_CMPI"):
            return
        subprocess.run(["make", "--silent", "cmpi"], cwd=self.root, check=True)  # noqa: S607 - wherever make is
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["force_include"][_BUILT] = _PLACE
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
