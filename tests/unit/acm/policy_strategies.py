"""Random policies that keep every rule, and an independent check of the rules."""

from __future__ import annotations

from hypothesis import strategies as st

from xencim.acm.model import (
    UNLABELED,
    Component,
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyReference,
    Version,
)

# Whatever XML can hold; a colon is no part of a name.
CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters=":\ufffe\uffff")
NAMES = st.text(CHARACTERS, min_size=1, max_size=8)
# As map files and the original tools can keep them.
WORDS = st.text("abcXYZ019._-<&é", min_size=1, max_size=8)
VERSIONS = st.builds(Version, st.integers(0, 99_999_999), st.integers(0, 99_999_999))
TEXTS = st.none() | st.text(CHARACTERS | st.sampled_from("\t\n\r\"'<&>:"), max_size=10)


@st.composite
def policies(draw: st.DrawFn, names: st.SearchStrategy[str] = NAMES) -> Policy:
    """Draw a policy that keeps every rule."""
    declared = st.none() | st.lists(names, unique=True, max_size=5).map(tuple)
    ste, wall = draw(declared), draw(declared)

    def some(of: tuple[str, ...] | None, most: int = 5) -> frozenset[str]:
        return frozenset(draw(st.sets(st.sampled_from(of), max_size=most))) if of else frozenset()

    machines = draw(st.lists(names | st.just(UNLABELED), unique=True, min_size=1, max_size=5))
    resources = draw(st.lists(names | st.just(UNLABELED), unique=True, max_size=4))
    return Policy(
        header=Header(
            draw(names),
            draw(VERSIONS),
            draw(TEXTS),
            draw(TEXTS),
            draw(TEXTS),
            draw(TEXTS),
            draw(st.none() | st.builds(PolicyReference, names, VERSIONS.map(str))),
        ),
        primary=draw(st.sampled_from([None, *_present(ste, wall)])),
        ste_types=ste,
        chinese_wall_types=wall,
        conflict_sets=tuple(ConflictSet(draw(names), some(wall)) for _ in range(draw(st.integers(0, 3))))
        if wall is not None
        else (),
        bootstrap=draw(st.sampled_from(machines)),
        machine_labels=tuple(
            Label(name, LabelKind.MACHINE, some(ste), some(wall), draw(st.none() | names))
            for name in machines
        ),
        resource_labels=tuple(Label(name, LabelKind.RESOURCE, some(ste, 1)) for name in resources),
    )


def _present(ste: object, wall: object) -> list[Component]:
    components = ((ste, Component.SIMPLE_TYPE_ENFORCEMENT), (wall, Component.CHINESE_WALL))
    return [component for types, component in components if types is not None]


def broken_rules(policy: Policy) -> list[str]:
    """Return what is wrong with a policy, by rules written down a second time."""
    machines = [label.name for label in policy.machine_labels]
    resources = [label.name for label in policy.resource_labels]
    ste, wall = policy.ste_types or (), policy.chinese_wall_types or ()
    labels = (*policy.machine_labels, *policy.resource_labels)
    wrong = {
        "policy name": not policy.name or ":" in policy.name,
        "label name": not all(name and ":" not in name for name in (*machines, *resources)),
        "bootstrap": policy.bootstrap not in machines,
        "twice": any(len(set(names)) != len(names) for names in (machines, resources, ste, wall)),
        "undeclared": any(label.ste_types - {*ste} or label.chinese_wall_types - {*wall} for label in labels),
        "conflict name": not all(conflict.name for conflict in policy.conflict_sets),
        "resource types": any(len(label.ste_types) > 1 for label in policy.resource_labels),
    }
    return [rule for rule, is_wrong in wrong.items() if is_wrong]
