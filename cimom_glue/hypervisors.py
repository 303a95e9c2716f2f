"""The configured hypervisors as back-ends, and which one is served when none is configured.

Errors: BackendError of a hypervisor that is there and does not let us in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from xencim.providers.backends.fake import FAKE_URI, FakeBackend
from xencim.providers.backends.libvirt import LibvirtBackend, probe
from xencim.providers.backends.libvirt.calls import uris
from xencim.providers.backends.xen.backend import XenBackend

if TYPE_CHECKING:
    from xencim.cimom_glue.config import Config
    from xencim.providers.backends.base import Backend

TEST_HYPERVISOR = "test:///default"


async def with_backends(config: Config) -> Config:
    """Return the configuration with the local hypervisor in it when none is configured."""
    return config if config.backends else replace(config, backends=(await probe(),))


def make_backends(config: Config) -> list[Backend]:
    """Make the back-end of each configured hypervisor, not yet started."""
    return [_make(uri, number, config) for number, uri in enumerate(config.backends, 1)]


def _make(uri: str, number: int, config: Config) -> Backend:
    if (fake := FAKE_URI.fullmatch(uri)) is not None:
        # Each made-up host has a name of its own, as real ones have.
        name = "fake.example" if number == 1 else f"fake-{number}.example"
        backend = FakeBackend(int(fake[1]), host_name=config.host.name or name)
        backend.delay_s = float(fake[2] or 0)
        return backend
    kind = XenBackend if uris.driver(uri) == "xen" and uris.is_local(uri) else LibvirtBackend
    return kind(uri, host_name=config.host.name, call_timeout_s=config.call_timeout_s)
