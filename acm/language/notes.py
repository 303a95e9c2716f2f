"""Findings on a policy, with the lines of the document that they are about."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr

if TYPE_CHECKING:
    from collections.abc import Mapping

Place = tuple[str | int, ...]
"""Where something is: a field of Policy, its index there, what of it; ("machine_labels", 2, "A-Bank")."""
# A document of nothing but errors must not make more findings than anybody reads.
MAX_FINDINGS = 200


class Notes:
    """Collects findings; a place that has no line of its own has that of what it is in."""

    def __init__(self, file: str | None = None, lines: Mapping[Place, int] | None = None) -> None:
        self.file = file
        self.lines: dict[Place, int] = dict(lines or {})
        self.found: list[Finding] = []
        self._counts = Counter[FindingKind]()

    def line_of(self, *place: str | int) -> int | None:
        """Return the line of a place, None when the policy came from no document."""
        for length in range(len(place), 0, -1):
            if (line := self.lines.get(place[:length])) is not None:
                return line
        return None

    def error(self, message: str, xserr: XsErr, *place: str | int, **data: Any) -> None:  # noqa: ANN401 - Finding's fields
        """Note what makes the policy one that cannot be."""
        self._note(FindingKind.ERROR, message, xserr, place, data)

    def warning(self, message: str, *place: str | int, **data: Any) -> None:  # noqa: ANN401 - Finding's fields
        """Note what can be, but is hardly meant."""
        self._note(FindingKind.WARNING, message, XsErr.SUCCESS, place, data)

    def raise_errors(self) -> None:
        """Raise PolicyError with every error noted, if there is one."""
        errors = tuple(finding for finding in self.found if finding.kind is FindingKind.ERROR)
        if errors:
            raise PolicyError(errors)

    def _note(
        self, kind: FindingKind, message: str, xserr: XsErr, place: Place, data: dict[str, Any]
    ) -> None:
        self._counts[kind] += 1
        if self._counts[kind] <= MAX_FINDINGS:
            data.setdefault("line", self.line_of(*place))
            self.found.append(Finding(kind, message, xserr, file=self.file, **data))
        elif self._counts[kind] == MAX_FINDINGS + 1:
            message = f"there is more than these {MAX_FINDINGS}; mend them first"
            self.found.append(Finding(kind, message, xserr, file=self.file))
