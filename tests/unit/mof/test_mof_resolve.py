"""What a class inherits: propagation, origin, flavours, overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.mof.compiler import compile_mof
from xencim.mof.declarations import SchemaError
from xencim.mof.repository import load
from xencim.mof.resolve import check_references, resolve

if TYPE_CHECKING:
    from xencim.mof.model import ClassDecl, PropertyDecl

TYPES = """
Qualifier Key : boolean = false, Scope(property, reference), Flavor(DisableOverride, ToSubclass);
Qualifier Override : string = null, Scope(property, reference, method), Flavor(EnableOverride, Restricted);
Qualifier Abstract : boolean = false, Scope(class), Flavor(EnableOverride, Restricted);
Qualifier Association : boolean = false, Scope(association), Flavor(DisableOverride, ToSubclass);
Qualifier Units : string = null, Scope(any), Flavor(EnableOverride, ToSubclass, Translatable);
Qualifier In : boolean = true, Scope(parameter), Flavor(DisableOverride, ToSubclass);
Qualifier Out : boolean = false, Scope(parameter), Flavor(DisableOverride, ToSubclass);
Qualifier EmbeddedInstance : string, Scope(property, method, parameter);
Qualifier Deprecated : string[], Scope(any), Flavor(EnableOverride, Restricted);
"""


def classes_of(mof: str) -> dict[str, ClassDecl]:
    return resolve(compile_mof({"types": TYPES, "classes": mof}).classes)


def prop(decl: ClassDecl, name: str) -> PropertyDecl:
    found = decl.find_property(name)
    assert found is not None
    return found


def test_an_inherited_property_is_propagated_and_keeps_its_origin() -> None:
    classes = classes_of("""
        class A { [Key, Units("bytes"), Deprecated{"X.Y"}] uint32 P = 7; };
        class B : A { string Q; };
        class C : B { };""")
    assert [p.name for p in classes["c"].properties] == ["P", "Q"]
    inherited = prop(classes["c"], "p")
    assert (inherited.class_origin, inherited.propagated, inherited.value) == ("A", True, 7)
    assert [(q.name, q.value, q.propagated) for q in inherited.qualifiers] == [
        ("Key", True, True),
        ("Units", "bytes", True),
    ]
    own = prop(classes["b"], "Q")
    assert (own.class_origin, own.propagated, prop(classes["c"], "Q").propagated) == ("B", False, True)
    assert [k.name for k in classes["c"].keys] == ["P"]


def test_classes_below_share_what_they_inherit() -> None:
    classes = classes_of("""
        class A { [Key] uint32 P; uint32 M([Out] string T); };
        class B : A { }; class C : B { }; class D : A { };""")
    assert prop(classes["b"], "P") is prop(classes["c"], "P") is prop(classes["d"], "P")
    assert classes["b"].methods[0] is classes["c"].methods[0] is classes["d"].methods[0]


def test_an_override_takes_the_place_and_the_qualifiers_of_what_it_overrides() -> None:
    classes = classes_of("""
        class A { [Key, Units("bytes")] uint32 P = 7; string Q; };
        class B : A { [Override("P"), Units("blocks")] uint32 p; };
        class C : B { };""")
    overriding = prop(classes["b"], "P")
    assert [p.name for p in classes["b"].properties] == ["p", "Q"]
    assert (overriding.class_origin, overriding.propagated, overriding.value) == ("A", False, 7)
    assert [(q.name, q.value, q.propagated) for q in overriding.qualifiers] == [
        ("Override", "P", False),
        ("Units", "blocks", False),
        ("Key", True, True),
    ]
    assert [(q.name, q.propagated) for q in prop(classes["c"], "P").qualifiers] == [
        ("Units", True),
        ("Key", True),
    ]


def test_an_override_may_give_another_default() -> None:
    classes = classes_of('class A { uint8 P = 1; }; class B : A { [Override("P")] uint8 P = 0; };')
    assert prop(classes["b"], "P").value == 0


def test_an_override_narrows_a_reference() -> None:
    classes = classes_of("""
        class A { }; class B : A { };
        [Association] class L { [Key] A REF Left; [Key] A REF Right; };
        [Association] class M : L { [Override("Left")] B REF Left; };""")
    narrowed = prop(classes["m"], "Left")
    assert (narrowed.reference_class, narrowed.is_key) == ("B", True)
    assert prop(classes["m"], "Right").reference_class == "A"


def test_qualifiers_of_a_class_go_down_by_their_flavour() -> None:
    classes = classes_of("""
        [Association, Abstract, Units("none")] class A { };
        class B : A { };
        [Units("some")] class C : B { };""")
    assert [(q.name, q.propagated) for q in classes["a"].qualifiers] == [
        ("Association", False),
        ("Abstract", False),
        ("Units", False),
    ]
    assert [(q.name, q.value, q.propagated) for q in classes["b"].qualifiers] == [
        ("Association", True, True),
        ("Units", "none", True),
    ]
    assert [(q.name, q.value, q.propagated) for q in classes["c"].qualifiers] == [
        ("Units", "some", False),
        ("Association", True, True),
    ]
    assert (classes["a"].is_abstract, classes["b"].is_abstract, classes["c"].is_association) == (
        True,
        False,
        True,
    )


def test_flavours_in_a_class_prevail_over_the_type() -> None:
    classes = classes_of("""
        [Units("a") : Restricted] class A { [Units("b") : DisableOverride ToInstance] string P; };
        class B : A { };""")
    assert classes["b"].qualifier("Units") is None
    units = prop(classes["b"], "P").qualifiers[0]
    assert (units.overridable, units.tosubclass, units.toinstance, units.translatable) == (
        False,
        True,
        True,
        True,
    )


def test_methods_are_inherited_and_overridden_with_their_parameters() -> None:
    classes = classes_of("""
        class A { [Units("x")] uint32 M([In(false), Out] string T[], [Units("s")] uint8 N); };
        class B : A { };
        class C : B { [Override("M")] uint32 M([In(false), Out] string T[], uint8 N, sint8 More); };""")
    method = classes["b"].methods[0]
    assert (method.class_origin, method.propagated, method.return_type) == ("A", True, "uint32")
    qualifiers = [*method.qualifiers, *(q for p in method.parameters for q in p.qualifiers)]
    assert [(q.name, q.propagated) for q in qualifiers] == [
        ("Units", True),
        ("In", True),
        ("Out", True),
        ("Units", True),
    ]
    assert [(p.name, p.is_array, p.is_in, p.is_out) for p in method.parameters] == [
        ("T", True, False, True),
        ("N", False, True, False),
    ]
    method = classes["c"].methods[0]
    assert (method.class_origin, method.propagated) == ("A", False)
    assert [(q.name, q.value, q.propagated) for q in method.qualifiers] == [
        ("Override", "M", False),
        ("Units", "x", True),
    ]
    assert [(p.name, p.qualifier("Units")) for p in method.parameters] == [
        ("T", None),
        ("N", "s"),
        ("More", None),
    ]


@pytest.mark.parametrize(
    ("mof", "text"),
    [
        ("class A : Gone { };", "class A: its superclass Gone is not declared"),
        ("class A : B { }; class B : A { };", "class A is above itself"),
        (
            'class A { string P; }; class B : A { [Override("Q")] string P; };',
            "class B: P overrides Q, which it does not inherit by that name",
        ),
        (
            'class A { [Override("P")] string P; };',
            "class A: P overrides P, which it does not inherit by that name",
        ),
        (
            'class A { uint8 P[]; }; class B : A { [Override("P")] uint8 P; };',
            "class B, property P: its type differs from the inherited uint8[]",
        ),
        (
            'class A { uint8 M(); }; class B : A { [Override("M")] uint32 M(); };',
            "class B, method M: it returns uint32, the inherited one uint8",
        ),
        (
            'class A { [Key] uint8 P; }; class B : A { [Override("P"), Key(false)] uint8 P; };',
            "class B, property P: qualifier Key is True above and must stay so",
        ),
    ],
)
def test_what_cannot_be_inherited_is_an_error(mof: str, text: str) -> None:
    with pytest.raises(SchemaError) as raised:
        classes_of(mof)
    assert str(raised.value) == text


@pytest.mark.parametrize(
    "body",
    ["Gone REF P;", '[EmbeddedInstance("Gone")] string P;', "uint32 M([Out] Gone REF P);"],
)
def test_a_class_that_names_one_not_declared_is_an_error(body: str) -> None:
    declared = compile_mof({"types": TYPES, "classes": f"class A {{ {body} }};"}).classes
    with pytest.raises(SchemaError, match=r"\Aclass A names Gone, which is not declared\Z"):
        check_references(declared)


@given(st.permutations(range(6)))
def test_the_order_of_classes_does_not_matter(order: list[int]) -> None:
    texts = [f"class C{n}{f' : C{n - 1}' if n else ''} {{ uint8 P{n}; }};" for n in range(6)]
    classes = classes_of("".join(texts[n] for n in order))
    assert [p.name for p in classes["c5"].properties] == [f"P{n}" for n in range(6)]
    names = list(classes)
    assert all(
        not c.superclass or names.index(c.superclass.lower()) < names.index(n) for n, c in classes.items()
    )


def test_every_class_has_all_that_is_above_it() -> None:
    repository = load().repository
    for decl in repository.classes.values():
        above = repository.find(decl.superclass) if decl.superclass else None
        names = [p.name.lower() for p in decl.properties]
        inherited = [p.name.lower() for p in above.properties] if above else []
        assert names[: len(inherited)] == inherited
        for declared in decl.properties:
            line = [c for c in map(repository.find, repository.lineage(decl.name)) if c is not None]
            first = [c.name for c in line if c.find_property(declared.name)][-1]
            assert declared.class_origin == first
        assert decl.is_abstract or not decl.is_association or decl.keys
