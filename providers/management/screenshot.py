"""GetVirtualSystemThumbnailImage: what a machine's screen shows, by the name of Hyper-V's method.

The picture is told as it is, in the hypervisor's own form and size: a console shows it at once, and a file
of the pool would only have to be fetched and deleted again.

Source: Xen_VirtualSystemManagementService in our MOF; virDomainScreenshot.
Errors: CimError, NOT_SUPPORTED where the hypervisor takes no pictures; not in the machine's state is a value.
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from xencim.providers.backends.base import BackendError
from xencim.providers.core.errors import Status
from xencim.providers.core.jobs.errors import describe
from xencim.providers.core.spec import MethodResult
from xencim.providers.management.asked import named_machine
from xencim.providers.management.working import refusals

if TYPE_CHECKING:
    from xencim.providers.core.spec import MethodCall

_METHOD = "GetVirtualSystemThumbnailImage"


async def get_thumbnail_image(call: MethodCall) -> MethodResult:
    """Return the picture of a screen; it takes too little time for a job, and waits for none."""
    machine = named_machine(call, _METHOD, "TargetSystem")
    screen = call.parameters.get("screen")
    try:
        # It has no job whose words could tell what is missing.
        with refusals(_METHOD, unsupported=Status.NOT_SUPPORTED):
            picture = await call.backend.screenshot(machine.uuid, screen if isinstance(screen, int) else 0)
    except BackendError as error:
        return MethodResult(describe(error).code)
    image = b64encode(picture.data).decode("ascii")
    return MethodResult(0, {"ImageData": image, "MediaType": picture.media_type})
