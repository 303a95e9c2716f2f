"""What filters and destinations have in common: the client that made one has named it, and a record keeps it.

Their rows are ``(record,)``.

Source: DSP1054 1.1 (CIM_IndicationFilter, CIM_ListenerDestination).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xencim.providers.core.spec import ClassName, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.providers.core.spec import Context, Keys, Row

CLIENT = "the client that made it"
KEYS = (
    Prop("SystemCreationClassName", lambda record: record.system_class, source=CLIENT),
    Prop("SystemName", lambda record: record.system_name, source=CLIENT),
    Prop("CreationClassName", ClassName(), source="the class's name"),
    Prop("Name", lambda record: record.name, source=CLIENT),
)
ELEMENT_NAME = Prop("ElementName", lambda record: record.element_name or record.name, source=CLIENT)


@dataclass(frozen=True, slots=True)
class Named:
    """The records of one kind."""

    kind: type[Any]

    def all(self, context: Context) -> Iterator[Row]:
        """Yield the rows of all of them."""
        return ((record,) for record in context.server.all(self.kind).values())

    def _find(self, context: Context, keys: Keys) -> Row | None:
        record = context.server.get(self.kind, str(keys.get("name")))
        return (record,) if record else None

    @property
    def rows(self) -> Rows:
        """Where instances come from."""
        return Rows(kinds=(self.kind,), all=self.all, find=self._find)
