"""What is in volumes, read and written by clients over HTTP.

Both need *admin* access: a machine's disk holds its secrets, and whoever writes it owns the machine.
What a running machine may write to is not read, for it would be torn; what a running machine has, or another
volume is based on, is not written.

Errors: CimError ACCESS_DENIED, INVALID_NAMESPACE, NOT_FOUND, NOT_SUPPORTED, INVALID_PARAMETER, FAILED (in
use, and what the hypervisor says).
"""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING

from xencim.mof.values import Path
from xencim.providers.backends.base import BackendError
from xencim.providers.backends.records import Job, Volume
from xencim.providers.core.access import Access
from xencim.providers.core.carrying.methods import make_call
from xencim.providers.core.carrying.reading import Found, Reader
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.served import ServedClass
from xencim.providers.pools.work import Task, run
from xencim.providers.storage.moving import Moving
from xencim.providers.storage.rows import volume_row
from xencim.providers.storage.usage import demand_no_overlay, demand_volume_idle
from xencim.providers.storage.work import VOLUME_WRITTEN, volume_queue

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    from xencim.mof.values import Value
    from xencim.providers.core.access import Principal
    from xencim.providers.core.engine import Engine
    from xencim.providers.core.jobs.engine import Progress
    from xencim.providers.core.spec import MethodCall

_STATUSES = {
    "not_found": Status.NOT_FOUND,
    "unsupported": Status.NOT_SUPPORTED,
    "invalid": Status.INVALID_PARAMETER,
}


async def open_content(engine: Engine, namespace: str, key: str, principal: Principal) -> Content:
    """Return the content of a volume, for whom may read and write it."""
    where = engine.registry.namespace(namespace)
    what = f"content of volume {key!r} in {where.name}"
    engine.policy.demand(principal, Access.ADMIN, what)
    for served in where.family("CIM_StorageExtent"):
        if isinstance(served, ServedClass) and Volume in served.spec.rows.kinds:
            await served.site.backend.refresh_storage()
            context = served.site.context()
            volume = context.view.get(Volume, key)
            if volume is not None:
                found = Found(served, volume_row(context, volume))
                return Content(make_call(Reader(engine.registry), found, {}, principal))
    raise CimError(Status.NOT_FOUND, f"there is no {what}")


class Content:
    """One volume's content."""

    def __init__(self, call: MethodCall) -> None:
        self._call = call
        self._volume: Volume = call.row[0]

    @property
    def size(self) -> int:
        """How many bytes there are to be read."""
        return self._volume.content_bytes

    async def demand_still(self) -> None:
        """Refuse what a running machine may write to."""
        with _told():
            await self._call.backend.resync()
        demand_volume_idle(self._call.inventory.view, self._volume, running=True, readers=False)

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield a part."""
        with _told():
            async with aclosing(self._call.backend.read_content(self._volume, offset, length)) as pieces:
                async for piece in pieces:
                    yield piece

    async def write(self, offset: int, length: int | None, pieces: AsyncIterator[bytes]) -> None:
        """Write pieces from an offset on, as a job; the rest of the volume stays as it is."""
        volume, call, queue = self._volume, self._call, volume_queue(self._volume)
        self._demand_room(offset + (length or 0))
        if call.jobs.busy(queue):
            raise CimError(Status.FAILED, f"volume {volume.key!r} is in use: another job works on it")
        moving = Moving(length or 0)

        async def act(progress: Progress) -> Mapping[str, Value]:
            with _told():
                await call.backend.resync()
                demand_volume_idle(call.inventory.view, volume, running=True)
                demand_no_overlay(call.inventory.view, volume)
                checked = self._within_room(offset, pieces)
                written = call.backend.write_content(volume, offset, checked, moving.told)
                await moving.followed(progress, written)
            return {}

        facts = {"volume": volume.key}
        task = Task("Upload", VOLUME_WRITTEN, queue, act, (call.path,), facts, moving.cancel)
        result = await run(call, task)
        job = result.out.get("Job")
        if isinstance(job, Path):
            await self._ended(str(job.key("InstanceID")).partition(":")[2])

    async def _ended(self, job_id: str) -> None:
        """Wait for the end of the work as a job, and raise what it failed by."""
        await self._call.jobs.finished(job_id)
        job = self._call.inventory.view.get(Job, job_id)
        if job is not None and job.error is not None:
            raise CimError(Status(job.error.status), job.error.message, hint=job.error.hint)

    async def _within_room(self, offset: int, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            offset += len(piece)
            self._demand_room(offset)
            yield piece

    def _demand_room(self, end: int) -> None:
        """Refuse what is beyond the end of a device; an image in a format of its own may grow."""
        volume = self._volume
        capacity = volume.capacity_bytes or 0
        if end > capacity and volume.format in {None, "raw"}:
            raise CimError(
                Status.INVALID_PARAMETER,
                f"volume {volume.key!r} has {capacity} bytes: it does not hold {end}",
            )


@contextmanager
def _told() -> Iterator[None]:
    """Give the client what the hypervisor says: no return value would tell it."""
    try:
        yield
    except BackendError as error:
        status = _STATUSES.get(error.kind, Status.FAILED)
        raise CimError(status, error.message, hint=error.hint) from error
