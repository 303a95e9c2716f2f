"""A small world to register: one class of ours, and CIMOMs' programs that are shell scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.cimom_glue.registration.wanted import Kind, Provided, WantedNamespace
from xencim.mof.compiler import compile_mof
from xencim.mof.model import ClassRepository
from xencim.mof.resolve import resolve

if TYPE_CHECKING:
    from pathlib import Path

QUALIFIERS = """
Qualifier Key : boolean = false, Scope(property, reference), Flavor(DisableOverride, ToSubclass);
Qualifier Override : string, Scope(property, reference, method), Flavor(EnableOverride, Restricted);
Qualifier Description : string, Scope(any), Flavor(EnableOverride, ToSubclass, Translatable);
"""
DMTF = """
class CIM_Top { [Key] string Name; string Caption; };
class CIM_Machine : CIM_Top { uint16 State; string Owner; uint32 Stop(); };
"""
OURS = """
[Description("A machine."): Restricted]
class Xen_Machine : CIM_Machine { [Override("Owner")] string Owner; string Reference; uint64 Memory; };
"""


def wanted(ours: str = OURS) -> WantedNamespace:
    """Return the namespace root/virt with Xen_Machine."""
    declared = compile_mof({"qualifiers": QUALIFIERS, "dmtf": DMTF, "ours": ours})
    repository = ClassRepository(resolve(declared.classes).values(), declared.qualifiers.values())
    filled = tuple(sorted(p.name for p in repository.classes["xen_machine"].properties))
    return WantedNamespace(
        "root/virt",
        (Provided("Xen_Machine", (Kind.INSTANCE, Kind.METHOD), filled),),
        tuple(repository.classes.values()),
        tuple(repository.qualifiers.values()),
    )


def program(path: Path, script: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
