"""Asks a binary policy what it allows: run by the system's Python, which has Debian's python3-setools.

Standard input: JSON with ``policy`` (a path) and ``queries`` ([source type, target type, class] each).
Standard output: JSON, for each query the sorted list of permissions, booleans at their defaults.
Constraints are not looked at; the system's own user, which all contexts of ours have, passes those of Xen.
"""

from __future__ import annotations

import json
import sys
from typing import Any

Rule = tuple[frozenset[str], frozenset[str], frozenset[str]]


def rules_by_class(policy: Any) -> dict[str, list[Rule]]:  # noqa: ANN401 - a class that only the system's Python has
    """Return the rules in force: sources, targets, permissions."""
    found: dict[str, list[Rule]] = {}
    for rule in policy.terules():
        if str(rule.ruletype) != "allow" or not _in_force(rule):
            continue
        sources, targets = (frozenset(map(str, side.expand())) for side in (rule.source, rule.target))
        found.setdefault(str(rule.tclass), []).append((sources, targets, frozenset(map(str, rule.perms))))
    return found


def _in_force(rule: Any) -> bool:  # noqa: ANN401 - as above
    """Say whether a rule counts with all booleans at their defaults."""
    condition = getattr(rule, "_conditional", None)
    return condition is None or rule.enabled()


def allowed(rules: dict[str, list[Rule]], source: str, target: str, class_name: str) -> list[str]:
    """Return what a source may do to a target."""
    found: set[str] = set()
    for sources, targets, permissions in rules.get(class_name, ()):
        if source in sources and target in targets:
            found |= permissions
    return sorted(found)


def main() -> None:
    """Answer what standard input asks."""
    import setools  # noqa: PLC0415 - only the system's Python has it

    asked = json.load(sys.stdin)
    rules = rules_by_class(setools.SELinuxPolicy(asked["policy"]))
    json.dump([allowed(rules, *query) for query in asked["queries"]], sys.stdout)


if __name__ == "__main__":
    main()
