"""The hypervisor by Xen's own Python module, where it is installed.

Each method is one hypercall, or one for each of what it is asked about. It blocks for their time, and the
module holds the interpreter's lock meanwhile.

Source: xen.lowlevel.xc of Xen 4.17.
Errors: BackendError: absent, failed.
"""

from __future__ import annotations

import glob
import importlib.util
from typing import TYPE_CHECKING, Any

from xencim.providers.backends.base import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODULES = "/usr/lib/xen-*/lib/python/xen/lowlevel/xc.*.so"
"""Where Debian has it: one of each release of Xen, of which only the running one's works."""
MOST = 4096
"""Domains asked for at once; Xen has no more than 32,752."""


class Hypervisor:
    """A handle of the module; ``calls`` counts what the hypervisor was asked."""

    def __init__(self, handle: Any) -> None:  # noqa: ANN401 - a module in C, which tells no types
        self.calls = 0
        self._handle = handle

    def domains(self) -> Sequence[Mapping[str, Any]]:
        """Return all domains."""
        return self._ask("domain_getinfo", 0, MOST)  # type: ignore[no-any-return]

    def pools(self) -> Sequence[Mapping[str, Any]]:
        """Return all CPU pools."""
        return self._ask("cpupool_getinfo")  # type: ignore[no-any-return]

    def vcpu(self, domain: int, index: int) -> Mapping[str, Any]:
        """Return what a virtual processor does."""
        return self._ask("vcpu_getinfo", domain, index)  # type: ignore[no-any-return]

    def console(self) -> str:
        """Return what the console ring holds."""
        told: bytes = self._ask("readconsolering")
        return told.decode(errors="replace")

    def _ask(self, name: str, *arguments: int) -> Any:  # noqa: ANN401 - as above
        self.calls += 1
        try:
            return getattr(self._handle, name)(*arguments)
        except Exception as error:  # the module has an exception class of its own
            raise BackendError("failed", f"the hypervisor did not answer {name}: {error}") from error


def found(modules: str = MODULES) -> Hypervisor:
    """Return the hypervisor that runs here."""
    why = "Xen's Python module is not installed"
    for path in sorted(glob.glob(modules), reverse=True):  # noqa: PTH207 - a pattern from the root on
        try:
            handle = _handle(path)
            handle.domain_getinfo(0, 1)
        except Exception as error:  # noqa: BLE001 - as above
            why = f"{path}: {error}"
            continue
        return Hypervisor(handle)
    raise BackendError("absent", why, hint="Debian's package xen-utils-4.17 has it; it needs root")


def _handle(path: str) -> Any:  # noqa: ANN401 - as above
    spec = importlib.util.spec_from_file_location("xc", path)
    if spec is None or spec.loader is None:
        raise ImportError(path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.xc()
