"""How a setting is read: its kind, its default, what it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xencim.cimom_glue.config.kinds import Kind


@dataclass(frozen=True, slots=True)
class Option:
    """How a setting is read; ``default`` may be computed from the settings before it.

    ``otherwise`` tells in words what a computed default is.
    """

    kind: Kind
    default: object
    help: str
    flag: str | None = None
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What a computed default may look at: the settings before it, by key, and the environment."""

    values: Mapping[str, Any]
    environ: Mapping[str, str]


Computed: TypeAlias = "Callable[[Known], object]"
