"""What a registration loads: what is missing, what is ours, what a CIMOM's older classes cannot hold."""

from __future__ import annotations

import pytest

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.registration import joined
from xencim.cimom_glue.registration.theirs import (
    Foreign,
    TheirClass,
    TheirNamespace,
    plan_namespace,
    refuse_foreign,
)
from xencim.cimom_glue.registration.wanted import Kind, is_dmtf, wanted_of
from xencim.mof.compiler import compile_mof
from xencim.mof.repository import load
from xencim.providers.assembly import Placement, place
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.inventory import Inventory
from xencim.providers.catalogue import ASSOCIATIONS, SPECS
from xencim.providers.core.registry import Registry
from xencim.providers.events import told_classes

from .registration_world import wanted

TOP = TheirClass("CIM_Top", None, frozenset({"name", "caption"}))
OLD_MACHINE = TheirClass("CIM_Machine", "CIM_Top", frozenset({"state"}))
ALL_TYPES = frozenset({"key", "override", "description"})


def test_an_empty_namespace_is_given_everything() -> None:
    plan = plan_namespace(wanted(), "root/virt", TheirNamespace())
    assert plan.missing == ("CIM_Top", "CIM_Machine")
    assert plan.ours == ("Xen_Machine",)
    assert plan.lacking == ()
    assert plan.foreign == ()
    assert sorted(compile_mof({"": plan.qualifiers + plan.mof}).classes) == [
        "cim_machine",
        "cim_top",
        "xen_machine",
    ]


def test_only_what_is_missing_is_loaded_and_an_older_class_stays_as_it_is() -> None:
    theirs = TheirNamespace({"cim_top": TOP, "cim_machine": OLD_MACHINE}, ALL_TYPES)
    plan = plan_namespace(wanted(), "root/virt", theirs)
    assert plan.missing == ()
    assert plan.qualifiers == ""
    # Owner is not in the CIMOM's class: it is ours, no override. A flavor other than its type's is not read.
    assert plan.mof == (
        '[Description("A machine.")]\n'
        "class Xen_Machine : CIM_Machine {\n\n"
        "  string Owner;\n\n  string Reference;\n\n  uint64 Memory;\n};\n"
    )


def test_properties_that_the_class_cannot_have_are_named() -> None:
    without_caption = TheirClass("CIM_Top", None, frozenset({"name"}))
    theirs = TheirNamespace({"cim_top": without_caption, "cim_machine": OLD_MACHINE}, ALL_TYPES)
    plan = plan_namespace(wanted(), "root/virt", theirs, unusable=frozenset({"reference"}))
    assert plan.lacking == ("Xen_Machine.Caption", "Xen_Machine.Reference")
    assert "Reference" not in plan.mof


def test_classes_of_an_earlier_registration_count_as_absent() -> None:
    ours = TheirClass("Xen_Machine", "CIM_Machine", frozenset())
    theirs = TheirNamespace({"cim_top": TOP, "cim_machine": OLD_MACHINE, "xen_machine": ours}, ALL_TYPES)
    again = plan_namespace(wanted(), "root/virt", theirs, loaded=("CIM_Top", "CIM_Machine", "Xen_Machine"))
    assert again == plan_namespace(wanted(), "root/virt", TheirNamespace({}, ALL_TYPES))


def test_somebody_elses_classes_are_named_with_their_owner() -> None:
    theirs = TheirNamespace(
        {"xen_machine": TheirClass("Xen_Machine", None, None)}, ALL_TYPES, {"xen_machine": "libvirt-cim"}
    )
    plan = plan_namespace(wanted(), "root/virt", theirs)
    assert plan.foreign == (Foreign("Xen_Machine", "libvirt-cim"),)
    with pytest.raises(RegistrationError) as caught:
        refuse_foreign([plan])
    assert caught.value.message == (
        "namespace root/virt has 1 of these classes already, of libvirt-cim: Xen_Machine"
    )
    assert "--replace" in str(caught.value.hint)


def test_what_was_taken_over_first_is_what_is_given_back() -> None:
    old = {"files": {"a": "first"}, "taken": ["root/virt"]}
    new = {"files": {"a": "second", "b": "other"}, "taken": ["root/virt", "interop"]}
    assert joined(old, new) == {"files": {"a": "first", "b": "other"}, "taken": ["root/virt", "interop"]}


def test_all_that_is_served_is_wanted_but_for_what_is_the_cimoms_own() -> None:
    sites = place([Placement(FakeBackend(1))], Inventory())
    registry = Registry(load().repository, SPECS, ASSOCIATIONS, sites)
    namespaces = {one.name: one for one in wanted_of(registry)}
    assert [one.class_name for one in namespaces["interop"].provided] == [
        "Xen_ElementConformsToProfile",
        "Xen_ReferencedProfile",
        "Xen_RegisteredProfile",
    ]
    virt = namespaces["root/virt"]
    served = {one.name for one in registry.namespaces["root/virt"].served}
    kinds = {one.class_name: one.kinds for one in virt.provided}
    told = dict(told_classes(sites[0]))
    assert set(kinds) == served | set(told)
    assert {name for name, found in kinds.items() if found == (Kind.INDICATION,)} == set(told)
    assert kinds["Xen_ComputerSystem"] == (Kind.INSTANCE, Kind.METHOD)
    assert kinds["Xen_SystemDevice"] == (Kind.INSTANCE, Kind.ASSOCIATION)
    names = [decl.name for decl in virt.classes]
    assert len(set(names)) == len(names)
    assert {name for name in served if is_dmtf(name)} == set()
    for number, decl in enumerate(virt.classes):
        assert decl.superclass is None or decl.superclass in names[:number], decl.name


def test_the_text_of_everything_compiles() -> None:
    sites = place([Placement(FakeBackend(1, prefix="KVM"))], Inventory())
    registry = Registry(load().repository, SPECS, ASSOCIATIONS, sites)
    for namespace in wanted_of(registry):
        plan = plan_namespace(namespace, namespace.name, TheirNamespace())
        found = compile_mof({"all": plan.qualifiers + plan.mof}).classes
        assert {decl.name for decl in found.values()} == {decl.name for decl in namespace.classes}
        assert not [name for name in found if name.startswith("xen_")]
        assert plan.lacking == ()
