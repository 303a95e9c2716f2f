"""The server itself: what the interop namespace tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectManager:
    """This server."""

    system_name: str  # the host it is hosted by, in CIM terms
    system_class: str  # that host's class, with prefix
    name: str
    version: str
    started: datetime | None = None

    @property
    def key(self) -> str:
        """The inventory's key: there is one."""
        return "manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """A namespace that the server answers for."""

    name: str
    is_interop: bool = False

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket on which the server answers CIM-XML requests."""

    url: str  # https://host:5989, http://…, unix:/path
    scheme: str  # https, http, unix

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.url


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A profile that is conformed to."""

    number: str  # DSP1042; of a profile that is not DMTF's, a word
    name: str  # System Virtualization
    version: str
    organization: str = "DMTF"

    @property
    def key(self) -> str:
        """The inventory's key."""
        return self.number
