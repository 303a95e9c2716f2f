"""Classes and qualifier types as pywbem gets them, against what its own MOF compiler makes of our MOF."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pywbem import CIMError, MOFCompiler, MOFDependencyError, MOFWBEMConnection

import xencim.mof

from .programs import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.integration.conftest import ServerProcess

NAMESPACE = "root/virt"
NOT_FOUND, INVALID_CLASS = 6, 5


@pytest.fixture(scope="module")
def compiled() -> Any:  # noqa: ANN401 - pywbem has no types
    """Our MOF as pywbem compiles it: each class with what it declares itself."""
    folder = Path(xencim.mof.__file__).parent
    repository = MOFWBEMConnection()
    compiler = MOFCompiler(repository, search_paths=[str(folder / "schema")], log_func=None)
    [schema] = folder.glob("schema/cim_schema_*.mof")
    compiler.compile_file(str(schema), NAMESPACE)
    files = sorted(folder.glob("Xen_*.mof"))
    while files:
        waiting = [file for file in files if not _compiles(compiler, file)]
        assert len(waiting) < len(files)
        files = waiting
    return repository


def _compiles(compiler: MOFCompiler, file: Path) -> bool:
    try:
        compiler.compile_file(str(file), NAMESPACE)
    except MOFDependencyError:
        return False
    return True


@pytest.fixture(scope="module")
def connection(fake_server: ServerProcess) -> Iterator[Any]:
    with connect(fake_server) as made:
        yield made


def lineage(compiled: Any, name: str | None) -> list[Any]:  # noqa: ANN401 - as above
    """Return a class's declaration and those of its superclasses."""
    found = []
    while name is not None:
        found.append(compiled.classes[NAMESPACE][name])
        name = found[-1].superclass
    return found


def nearest(declarations: list[Any], kind: str) -> dict[str, tuple[Any, bool]]:
    """Return each property or method as it is declared last, and whether a superclass did it."""
    members: dict[str, tuple[Any, bool]] = {}
    for distance, declaration in enumerate(declarations):
        for name, member in getattr(declaration, kind).items():
            # The compiler has put into some classes what they inherit.
            if member.class_origin.lower() == declaration.classname.lower():
                members.setdefault(name, (member, distance > 0))
    return members


def said(qualifiers: Any) -> set[tuple[str, str, str]]:  # noqa: ANN401 - as above
    return {(name, one.type, repr(one.value)) for name, one in qualifiers.items()}


def inherited_by(compiled: Any, qualifiers: Any) -> set[tuple[str, str, str]]:  # noqa: ANN401 - as above
    """Return those of the qualifiers that subclasses have, too."""
    types = compiled.qualifiers[NAMESPACE]
    return {one for one in said(qualifiers) if types[one[0]].tosubclass is not False}


def typed(member: Any) -> tuple[object, ...]:  # noqa: ANN401 - as above
    return (member.type, member.is_array, member.array_size, member.reference_class)


def test_the_same_classes(connection: Any, compiled: Any) -> None:  # noqa: ANN401 - as above
    names = connection.EnumerateClassNames(DeepInheritance=True)
    assert sorted(names) == sorted(compiled.classes[NAMESPACE].keys())
    assert sorted(names) == sorted(connection.EnumerateClassNames("interop", DeepInheritance=True))
    top = [name for name, declared in compiled.classes[NAMESPACE].items() if declared.superclass is None]
    assert sorted(connection.EnumerateClassNames()) == sorted(top)


def test_every_class_says_what_its_mof_says(connection: Any, compiled: Any) -> None:  # noqa: ANN401 - as above
    for got in connection.EnumerateClasses(DeepInheritance=True, LocalOnly=False, IncludeQualifiers=True):
        declarations = lineage(compiled, got.classname)
        own = declarations[0]
        assert (got.classname, got.superclass) == (own.classname, own.superclass)
        assert said(got.qualifiers) >= said(own.qualifiers)
        properties = nearest(declarations, "properties")
        assert set(got.properties) == set(properties)
        for name, (declared, inherited) in properties.items():
            has = got.properties[name]
            assert typed(has) == typed(declared), (got.classname, name)
            assert has.propagated is inherited, (got.classname, name)
            says = inherited_by(compiled, declared.qualifiers) if inherited else said(declared.qualifiers)
            assert said(has.qualifiers) >= says, (got.classname, name)
        methods = nearest(declarations, "methods")
        assert set(got.methods) == set(methods)
        for name, (declared, inherited) in methods.items():
            method = got.methods[name]
            assert (method.return_type, method.propagated) == (declared.return_type, inherited)
            assert list(method.parameters) == list(declared.parameters), (got.classname, name)
            for parameter, as_declared in declared.parameters.items():
                assert typed(method.parameters[parameter]) == typed(as_declared), (got.classname, name)
                assert said(method.parameters[parameter].qualifiers) >= said(as_declared.qualifiers)


def test_get_class_is_what_the_enumeration_says(connection: Any) -> None:  # noqa: ANN401 - as above
    how = {"LocalOnly": False, "IncludeQualifiers": True, "IncludeClassOrigin": True}
    for listed in connection.EnumerateClasses(ClassName="CIM_ComputerSystem", DeepInheritance=True, **how):
        assert connection.GetClass(listed.classname, **how) == listed


def test_the_parameters_of_get_class(connection: Any) -> None:  # noqa: ANN401 - as above
    local = connection.GetClass("Xen_ComputerSystem", LocalOnly=True, IncludeQualifiers=False)
    assert (list(local.properties), list(local.methods), dict(local.qualifiers)) == (["UUID"], [], {})
    some = connection.GetClass(
        "Xen_ComputerSystem", LocalOnly=False, PropertyList=["name", "NoSuch"], IncludeClassOrigin=True
    )
    assert [(one.name, one.class_origin) for one in some.properties.values()] == [
        ("Name", "CIM_ManagedSystemElement")
    ]
    assert list(connection.GetClass("Xen_ComputerSystem", LocalOnly=False, PropertyList=[]).properties) == []


def test_qualifier_types(connection: Any, compiled: Any) -> None:  # noqa: ANN401 - as above
    listed = {one.name: one for one in connection.EnumerateQualifiers()}
    declared = compiled.qualifiers[NAMESPACE]
    assert sorted(listed) == sorted(declared.keys())
    for name, own in declared.items():
        got = connection.GetQualifier(name)
        assert got == listed[name]
        assert (got.type, got.is_array, got.value) == (own.type, own.is_array, own.value)
        assert {scope for scope, on in got.scopes.items() if on} == _scopes(own)
        assert (got.overridable, got.tosubclass) == (
            own.overridable is not False,
            own.tosubclass is not False,
        )


def _scopes(declared: Any) -> set[str]:  # noqa: ANN401 - as above
    on = {scope for scope, is_on in declared.scopes.items() if is_on}
    every = {"CLASS", "ASSOCIATION", "INDICATION", "PROPERTY", "REFERENCE", "METHOD", "PARAMETER"}
    return every if "ANY" in on else on


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda c: c.GetClass("No_Such"), NOT_FOUND),
        (lambda c: c.EnumerateClasses(ClassName="No_Such"), INVALID_CLASS),
        (lambda c: c.EnumerateClassNames(ClassName="No_Such"), INVALID_CLASS),
        (lambda c: c.GetQualifier("NoSuch"), NOT_FOUND),
    ],
)
def test_what_there_is_not(connection: Any, ask: Callable[[Any], object], status: int) -> None:  # noqa: ANN401 - as above
    with pytest.raises(CIMError) as caught:
        ask(connection)
    assert caught.value.status_code == status
    assert "root/virt" in caught.value.status_description
