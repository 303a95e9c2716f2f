"""The profiles that the server conforms to.

Source: DSP1033 1.0, section 10 (CIM_RegisteredProfile).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xencim.providers.backends.records import Profile
from xencim.providers.core.spec import ClassSpec, Const, Home, Prop, Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from xencim.providers.core.spec import Context, Keys, Row


def profile_rows(context: Context, numbers: Iterable[str]) -> Iterator[Row]:
    """Yield the rows, ``(profile,)``, of those among the profiles that are registered."""
    for number in numbers:
        profile = context.server.get(Profile, number)
        if profile is not None:
            yield (profile,)


def _all(context: Context) -> Iterator[Row]:
    return ((profile,) for profile in context.server.all(Profile).values())


def _is_dmtf(profile: Profile) -> bool:
    return profile.organization == "DMTF"


def _id(profile: Profile) -> str:
    start = f"CIM:{profile.number}-" if _is_dmtf(profile) else f"{profile.organization}:"
    return f"{start}{profile.name.replace(' ', '')}-{profile.version}"


def _find(context: Context, keys: Keys) -> Row | None:
    return next((row for row in _all(context) if _id(row[0]) == keys.get("instanceid")), None)


def _caption(profile: Profile) -> str:
    start = profile.number if _is_dmtf(profile) else profile.organization
    return f"{start} {profile.name} {profile.version}"


_PROFILE = "the profile's document"
_OTHER, _DMTF = 1, 2  # RegisteredOrganization

SPEC = ClassSpec(
    cim_class="RegisteredProfile",
    home=Home.INTEROP,
    rows=Rows(kinds=(Profile,), all=_all, find=_find),
    profiles=("DSP1033",),
    keys=(Prop("InstanceID", _id, source="DSP1033: the organization, then number, name and version"),),
    props=(
        Prop("ElementName", lambda profile: profile.name, source=_PROFILE),
        Prop("Caption", _caption, source=_PROFILE),
        Prop("SpecificationType", Const(2), source="constant: a profile"),
        Prop(
            "RegisteredOrganization",
            lambda profile: _DMTF if _is_dmtf(profile) else _OTHER,
            source=_PROFILE,
        ),
        Prop(
            "OtherRegisteredOrganization",
            lambda profile: None if _is_dmtf(profile) else profile.organization,
            source=_PROFILE,
        ),
        Prop("RegisteredName", lambda profile: profile.name, source=_PROFILE),
        Prop("RegisteredVersion", lambda profile: profile.version, source=_PROFILE),
        Prop("AdvertiseTypes", Const((2,)), source="constant: the server speaks no SLP"),
    ),
    unfilled={
        "OtherSpecificationType": "the specification is a profile",
        "AdvertiseTypeDescriptions": "no advertisement is Other",
        "ImplementedFeatures": "the profiles that are conformed to name no features",
    },
)
