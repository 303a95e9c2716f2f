"""MOF text to declarations: pywbem's compiler, asked for the parsed form only.

The classes that come out hold what their own MOF says; ``xencim.mof.resolve`` adds what they inherit.
Pragmas are obeyed in one respect only: an include is skipped, because the caller lists the files.

Source: DSP0004 2.8, section 7 (MOF), through pywbem's grammar.
Errors: SchemaError, with file and line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pywbem import BaseRepositoryConnection, CIMError, MOFCompileError, MOFCompiler, MOFRepositoryError

from xencim.mof.declarations import Declarations, SchemaError
from xencim.mof.model import ClassDecl, MethodDecl, ParameterDecl, PropertyDecl, Qualifier, QualifierDecl
from xencim.mof.values import REAL_TYPES, parse_datetime

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.mof.values import Scalar, Value

_NAMESPACE = "root"
_ALREADY_EXISTS = 11
_NOT_SUPPORTED = 7


def compile_mof(texts: Mapping[str, str]) -> Declarations:
    """Compile MOF texts by file name; those that declare qualifier types must come first."""
    repository = _Repository()
    compiler = _Compiler(repository, log_func=None)
    for name, text in texts.items():
        try:
            compiler.compile_string(text, _NAMESPACE, filename=name)
        except MOFRepositoryError as error:
            raise SchemaError(f"{name}: {error.msg}: {error.cim_error.status_description}") from error
        except MOFCompileError as error:
            raise SchemaError(f"{name}:{error.lineno or 1}: {error.msg}") from error
    return repository.declarations()


class _Compiler(MOFCompiler):  # type: ignore[misc]  # pywbem has no types
    """pywbem's compiler, without its habit of opening files by itself."""

    def compile_file(self, filename: str, ns: str) -> None:
        """Skip an include: every file is in the list already."""

    def find_mof(self, classname: str) -> None:  # noqa: ARG002 - pywbem's signature
        """Look for no file: there are none but those in the list."""
        return


class _Repository(BaseRepositoryConnection):  # type: ignore[misc]  # pywbem has no types
    """Where pywbem's compiler puts what it has parsed."""

    def __init__(self) -> None:
        super().__init__()
        self._namespace = _NAMESPACE
        self._classes: dict[str, Any] = {}
        self._qualifiers: dict[str, Any] = {}

    def declarations(self) -> Declarations:
        """Convert what was parsed."""
        qualifiers = {key: _qualifier_decl(parsed) for key, parsed in self._qualifiers.items()}
        classes = {key: _class_decl(parsed, qualifiers) for key, parsed in self._classes.items()}
        return Declarations(qualifiers, classes)

    def _getns(self) -> str:
        return self._namespace

    def _setns(self, value: str) -> None:
        self._namespace = value

    default_namespace = property(_getns, _setns)

    def CreateClass(self, NewClass: Any, **_: object) -> None:  # noqa: ANN401, N802, N803 - pywbem's signature
        """Take a class; a second one of the name is an error."""
        key = NewClass.classname.lower()
        if key in self._classes:
            raise CIMError(_ALREADY_EXISTS)
        self._classes[key] = NewClass

    def ModifyClass(self, ModifiedClass: Any, *_: object) -> None:  # noqa: ANN401, N802, N803 - pywbem's signature
        """Refuse: pywbem asks for it when a class is there already."""
        raise CIMError(_ALREADY_EXISTS, f"class {ModifiedClass.classname} is declared twice")

    def SetQualifier(self, QualifierDeclaration: Any, **_: object) -> None:  # noqa: ANN401, N802, N803 - pywbem's signature
        """Take a qualifier type."""
        self._qualifiers[QualifierDeclaration.name.lower()] = QualifierDeclaration

    def EnumerateQualifiers(self, **_: object) -> list[Any]:  # noqa: N802 - pywbem's signature
        """Return the qualifier types so far."""
        return list(self._qualifiers.values())

    def _refuse(self, *_: object, **__: object) -> None:
        raise CIMError(_NOT_SUPPORTED, "a schema holds classes and qualifier types only")

    CreateInstance = ModifyInstance = DeleteInstance = EnumerateInstanceNames = _refuse
    GetClass = DeleteClass = GetQualifier = DeleteQualifier = _refuse


def _qualifier_decl(parsed: Any) -> QualifierDecl:  # noqa: ANN401 - pywbem has no types
    return QualifierDecl(
        name=parsed.name,
        type=parsed.type,
        value=_value(parsed.type, parsed.value, is_array=parsed.is_array),
        is_array=parsed.is_array,
        array_size=parsed.array_size,
        scopes=frozenset(scope.lower() for scope, holds in parsed.scopes.items() if holds),
        # pywbem says None where the MOF says nothing: then the flavour is the default of DSP0004 7.10.
        overridable=parsed.overridable is not False,
        tosubclass=parsed.tosubclass is not False,
        toinstance=parsed.toinstance is True,
        translatable=parsed.translatable is True,
    )


def _class_decl(parsed: Any, types: Mapping[str, QualifierDecl]) -> ClassDecl:  # noqa: ANN401 - pywbem has no types
    return ClassDecl(
        name=parsed.classname,
        superclass=parsed.superclass,
        properties=tuple(_property(item, parsed.classname, types) for item in parsed.properties.values()),
        methods=tuple(_method(item, parsed.classname, types) for item in parsed.methods.values()),
        qualifiers=_qualifiers(parsed.qualifiers.values(), types),
    )


def _property(parsed: Any, owner: str, types: Mapping[str, QualifierDecl]) -> PropertyDecl:  # noqa: ANN401 - pywbem has no types
    return PropertyDecl(
        name=parsed.name,
        type=parsed.type,
        is_array=parsed.is_array,
        array_size=parsed.array_size,
        reference_class=parsed.reference_class,
        qualifiers=_qualifiers(parsed.qualifiers.values(), types),
        value=_value(parsed.type, parsed.value, is_array=parsed.is_array),
        class_origin=owner,
    )


def _method(parsed: Any, owner: str, types: Mapping[str, QualifierDecl]) -> MethodDecl:  # noqa: ANN401 - pywbem has no types
    return MethodDecl(
        name=parsed.name,
        return_type=parsed.return_type,
        parameters=tuple(
            ParameterDecl(
                name=item.name,
                type=item.type,
                is_array=item.is_array,
                array_size=item.array_size,
                reference_class=item.reference_class,
                qualifiers=_qualifiers(item.qualifiers.values(), types),
            )
            for item in parsed.parameters.values()
        ),
        qualifiers=_qualifiers(parsed.qualifiers.values(), types),
        class_origin=owner,
    )


def _qualifiers(parsed: Iterable[Any], types: Mapping[str, QualifierDecl]) -> tuple[Qualifier, ...]:
    return tuple(_qualifier(item, types[item.name.lower()]) for item in parsed)


def _qualifier(parsed: Any, decl: QualifierDecl) -> Qualifier:  # noqa: ANN401 - pywbem has no types
    return Qualifier(
        name=decl.name,
        type=decl.type,
        value=_value(decl.type, parsed.value, is_array=decl.is_array),
        is_array=decl.is_array,
        overridable=parsed.overridable is not False,
        tosubclass=parsed.tosubclass is not False,
        toinstance=parsed.toinstance is True,
        translatable=parsed.translatable is True,
    )


def _value(cim_type: str, parsed: Any, *, is_array: bool) -> Value:  # noqa: ANN401 - pywbem has no types
    if parsed is None:
        return None
    if is_array:
        items = parsed if isinstance(parsed, list) else [parsed]
        return tuple(None if item is None else _scalar(cim_type, item) for item in items)
    return _scalar(cim_type, parsed)


def _scalar(cim_type: str, parsed: Any) -> Scalar:  # noqa: ANN401 - pywbem has no types
    if cim_type == "boolean":
        return bool(parsed)
    if cim_type in REAL_TYPES:
        return float(parsed)
    if cim_type == "datetime":
        return parse_datetime(str(parsed))
    return int(parsed) if isinstance(parsed, int) else str(parsed)
