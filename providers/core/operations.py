"""The CIM operations as data: what a client asks, whatever protocol it came by.

Field names are the parameters of DSP0200 in snake case (``include_class_origin`` is
IncludeClassOrigin). ``namespace`` is as the client wrote it; the engine resolves aliases.
A class path is a ``str``, an instance path a ``Path``.

Source: DSP0200 1.4, section 5.3 (the operations) and 5.4 (their pull forms).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xencim.mof.values import Instance, Path, TypedValue

ObjectName: TypeAlias = "str | Path"
PropertyList: TypeAlias = "tuple[str, ...] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Base of all."""

    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter(Operation):
    """The parts that the Open operations have in common (DSP0200 5.4.2)."""

    filter_query_language: str | None = None
    filter_query: str | None = None
    operation_timeout: int | None = None
    continue_on_error: bool = False
    max_object_count: int = 0


# Instances -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GetInstance(Operation):
    instance_name: Path
    local_only: bool = True
    include_qualifiers: bool = False
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerateInstances(Operation):
    class_name: str
    local_only: bool = True
    deep_inheritance: bool = True
    include_qualifiers: bool = False
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerateInstanceNames(Operation):
    class_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateInstance(Operation):
    new_instance: Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifyInstance(Operation):
    instance_name: Path
    modified_instance: Instance
    include_qualifiers: bool = True
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteInstance(Operation):
    instance_name: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GetProperty(Operation):
    instance_name: Path
    property_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProperty(Operation):
    instance_name: Path
    property_name: str
    new_value: TypedValue | None = None


# Associations ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Associators(Operation):
    object_name: ObjectName
    assoc_class: str | None = None
    result_class: str | None = None
    role: str | None = None
    result_role: str | None = None
    include_qualifiers: bool = False
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociatorNames(Operation):
    object_name: ObjectName
    assoc_class: str | None = None
    result_class: str | None = None
    role: str | None = None
    result_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class References(Operation):
    object_name: ObjectName
    result_class: str | None = None
    role: str | None = None
    include_qualifiers: bool = False
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceNames(Operation):
    object_name: ObjectName
    result_class: str | None = None
    role: str | None = None


# Queries and pulled enumerations ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecQuery(Operation):
    query_language: str
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEnumerateInstances(_Filter):
    class_name: str
    deep_inheritance: bool = True
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEnumerateInstancePaths(_Filter):
    class_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReferenceInstances(_Filter):
    instance_name: Path
    result_class: str | None = None
    role: str | None = None
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenReferenceInstancePaths(_Filter):
    instance_name: Path
    result_class: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAssociatorInstances(_Filter):
    instance_name: Path
    assoc_class: str | None = None
    result_class: str | None = None
    role: str | None = None
    result_role: str | None = None
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAssociatorInstancePaths(_Filter):
    instance_name: Path
    assoc_class: str | None = None
    result_class: str | None = None
    role: str | None = None
    result_role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQueryInstances(_Filter):
    return_query_result_class: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pull(Operation):
    enumeration_context: str
    max_object_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PullInstancesWithPath(_Pull):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PullInstancePaths(_Pull):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class PullInstances(_Pull):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseEnumeration(Operation):
    enumeration_context: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerationCount(Operation):
    enumeration_context: str


# Classes and qualifiers ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GetClass(Operation):
    class_name: str
    local_only: bool = True
    include_qualifiers: bool = True
    include_class_origin: bool = False
    property_list: PropertyList = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerateClasses(Operation):
    class_name: str | None = None
    deep_inheritance: bool = False
    local_only: bool = True
    include_qualifiers: bool = True
    include_class_origin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerateClassNames(Operation):
    class_name: str | None = None
    deep_inheritance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GetQualifier(Operation):
    qualifier_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnumerateQualifiers(Operation):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOffered(Operation):
    """An operation of DSP0200 that changes classes or qualifiers; ``name`` is its name."""

    name: str


# Methods ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeMethod(Operation):
    object_name: ObjectName
    method_name: str
    parameters: Mapping[str, TypedValue] = field(default_factory=dict)
    is_rehearsal: bool = False
