"""The profiles that are conformed to, and which of them refers to which.

A profile of DMTF is here when what is served meets what it demands of reading. None of them describes
mandatory access control: that profile is our own.

Source: DSP1033 1.0; each profile's "Related profiles" table; docs/concepts/acm.md.
Errors: LookupError for a spec that names a profile which is not in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from xencim.providers.core.spec import ClassSpec

_DMTF: Mapping[str, tuple[str, str]] = {
    "DSP1010": ("Record Log", "2.0.0"),
    "DSP1024": ("Text Console Redirection", "1.0.0"),
    "DSP1033": ("Profile Registration", "1.0.0"),
    "DSP1041": ("Resource Allocation", "1.1.0"),
    "DSP1042": ("System Virtualization", "1.0.0"),
    "DSP1043": ("Allocation Capabilities", "1.0.0"),
    "DSP1044": ("Processor Resource Virtualization", "1.0.0"),
    "DSP1045": ("Memory Resource Virtualization", "1.0.0"),
    "DSP1047": ("Storage Resource Virtualization", "1.0.0"),
    "DSP1050": ("Ethernet Port Resource Virtualization", "1.0.0"),
    "DSP1052": ("Computer System", "1.0.0"),
    "DSP1053": ("Base Metrics", "1.0.1"),
    "DSP1054": ("Indications", "1.1.0"),
    "DSP1057": ("Virtual System", "1.0.0"),
    "DSP1059": ("Generic Device Resource Virtualization", "1.0.0"),
    "DSP1076": ("KVM Redirection", "1.0.0"),
    "DSP1081": ("Virtual System Migration", "1.0.0"),
    "DSP1097": ("Virtual Ethernet Switch", "1.0.0"),
    "DSP1103": ("Job Control", "1.0.0"),
}
"""Name and version by number."""

_OURS = Profile(
    number="SecurityPolicy", name="Virtualization Security Policy", version="1.0.0", organization="xencim"
)

PROFILES: Mapping[str, Profile] = {
    **{
        number: Profile(number=number, name=name, version=version)
        for number, (name, version) in _DMTF.items()
    },
    _OURS.number: _OURS,
}
"""The profiles by what specs name them by: DMTF's number, for our own a word."""

_RESOURCES = ("DSP1044", "DSP1045", "DSP1047", "DSP1050", "DSP1059")

REFERENCES: Mapping[str, tuple[str, ...]] = {
    "DSP1042": (
        *("DSP1024", "DSP1033", "DSP1041", "DSP1043", *_RESOURCES),
        *("DSP1052", "DSP1054", "DSP1057", "DSP1076", "DSP1081"),
    ),
    "DSP1057": ("DSP1033", "DSP1041", *_RESOURCES, "DSP1052"),
    "DSP1010": ("DSP1033",),
    "DSP1052": ("DSP1010", "DSP1033"),
    "DSP1053": ("DSP1033",),
    "DSP1054": ("DSP1033",),
    "DSP1081": ("DSP1033", "DSP1103"),
    "DSP1097": ("DSP1033", "DSP1042", "DSP1052"),
    "DSP1103": ("DSP1033",),
    **dict.fromkeys(_RESOURCES, ("DSP1033", "DSP1041", "DSP1043")),
    _OURS.number: ("DSP1033", "DSP1042", "DSP1054"),
}
"""The profiles that a profile refers to, by numbers."""

REFERENCED_BY: Mapping[str, tuple[str, ...]] = {
    number: tuple(other for other, references in REFERENCES.items() if number in references)
    for number in PROFILES
}


def profile_records(specs: Iterable[ClassSpec]) -> tuple[Profile, ...]:
    """Return the profiles that the specs name, in the order of their numbers."""
    numbers = {number for spec in specs for number in spec.profiles}
    if unknown := numbers - PROFILES.keys():
        raise LookupError(f"specs name profiles that are not conformed to: {', '.join(sorted(unknown))}")
    return tuple(PROFILES[number] for number in sorted(numbers))
