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


def _id(profile: Profile) -> str:
    return f"CIM:{profile.number}-{profile.name.replace(' ', '')}-{profile.version}"


def _find(context: Context, keys: Keys) -> Row | None:
    number = str(keys.get("instanceid")).removeprefix("CIM:").partition("-")[0]
    return next(profile_rows(context, (number,)), None)


_PROFILE = "the profile's document"

SPEC = ClassSpec(
    cim_class="RegisteredProfile",
    home=Home.INTEROP,
    rows=Rows(kinds=(Profile,), all=_all, find=_find),
    profiles=("DSP1033",),
    keys=(Prop("InstanceID", _id, source="DSP1033: the organization, then number, name and version"),),
    props=(
        Prop("ElementName", lambda profile: profile.name, source=_PROFILE),
        Prop(
            "Caption",
            lambda profile: f"{profile.number} {profile.name} {profile.version}",
            source=_PROFILE,
        ),
        Prop("SpecificationType", Const(2), source="constant: a profile"),
        Prop("RegisteredOrganization", lambda profile: profile.organization, source=_PROFILE),
        Prop("RegisteredName", lambda profile: profile.name, source=_PROFILE),
        Prop("RegisteredVersion", lambda profile: profile.version, source=_PROFILE),
        Prop("AdvertiseTypes", Const((2,)), source="constant: the server speaks no SLP"),
    ),
    unfilled={
        "OtherSpecificationType": "the specification is a profile",
        "OtherRegisteredOrganization": "every profile is DMTF's",
        "AdvertiseTypeDescriptions": "no advertisement is Other",
        "ImplementedFeatures": "the profiles that are conformed to name no features",
    },
)
