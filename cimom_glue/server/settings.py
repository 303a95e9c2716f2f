"""What the server is told at its start: where it listens, its keys, its limits.

Errors: ValueError names the setting that contradicts another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Address: TypeAlias = tuple[str, int]

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or all together, may take of the server."""

    header_seconds: float = 10.0  # a request's head is one packet or two
    body_seconds: float = 60.0  # the largest body over a slow line
    keep_alive_seconds: float = 30.0  # a console asks again within this, or connects anew
    write_seconds: float = 60.0  # a reader that takes nothing for so long is gone
    handshake_seconds: float = 10.0
    linger_seconds: float = 2.0  # a refused client may read its refusal before the connection closes
    stop_seconds: float = 10.0  # replies under way at the stop
    header_count: int = 100  # pywbem sends about ten
    header_bytes: int = 32 * 1024  # a Basic header and CIMObject stay far below
    body_bytes: int = 8 * MIB  # a DefineSystem of a large machine has 0.2 MB
    connections: int = 512  # below the usual limit of 1,024 descriptors, with room for the back-ends'
    connections_per_address: int = 128  # one monitoring host with its pool
    join_bytes: int = 1 * MIB  # replies up to this are one body with Content-Length
    slice_seconds: float = 0.005  # encoding holds the loop no longer at a stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the server listens and whom it lets in.

    ``certificate`` and ``key`` None: one is made in ``state_dir`` at the first start.
    """

    state_dir: Path
    http: tuple[Address, ...] = (("127.0.0.1", 5988), ("::1", 5988))
    https: tuple[Address, ...] = (("0.0.0.0", 5989), ("::", 5989))  # noqa: S104 - WBEM's port is for the network
    socket: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    client_certificates_required: bool = False
    client_subject: str = "commonName"  # the attribute of a client certificate's subject that names the user
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        """Refuse settings that contradict each other."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together: give both, or neither to have them made")
        if self.client_certificates_required and self.client_ca is None:
            raise ValueError("client certificates can be demanded only with a client_ca to check them by")

    @property
    def certificate_paths(self) -> tuple[Path, Path]:
        """Return the files of the certificate and its key, one's own or those made at the first start."""
        return (
            self.certificate or self.state_dir / "server.crt",
            self.key or self.state_dir / "server.key",
        )
