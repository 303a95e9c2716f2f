"""Who may do what: authentication says who somebody is, this says what they may.

Source: docs/architecture.md, "Who may do what".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from xencim.providers.core.errors import CimError, Status


class Access(IntEnum):
    """What an operation needs; of the first three, each includes those before it.

    Policy stands beside them: who administers the security policy need not administer machines, nor the
    other way round. It includes read.
    """

    READ = 1
    OPERATE = 2
    ADMIN = 3
    POLICY = 4


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody whom a protocol has authenticated; ``groups`` as the platform or directory tells."""

    name: str
    groups: frozenset[str] = frozenset()
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """The users and groups that have one access class."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()

    def names(self, principal: Principal) -> bool:
        """Tell whether the rule names the principal or one of its groups."""
        return principal.name in self.users or not self.groups.isdisjoint(principal.groups)


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """The configuration's ``[access]``."""

    read: Rule = Rule(groups=frozenset({"xencim"}))
    operate: Rule = Rule()
    admin: Rule = Rule(users=frozenset({"root"}), groups=frozenset({"xencim-admin"}))
    policy: Rule = Rule(users=frozenset({"root"}), groups=frozenset({"xencim-admin", "xencim-policy"}))
    anonymous_reads: bool = False

    def level(self, principal: Principal) -> int:
        """Return the highest access class that the principal has, policy aside; 0 for none."""
        if principal.anonymous:
            return Access.READ if self.anonymous_reads else 0
        if self.admin.names(principal):
            return Access.ADMIN
        if self.operate.names(principal):
            return Access.OPERATE
        return Access.READ if self.read.names(principal) or self.policy.names(principal) else 0

    def has(self, principal: Principal, access: Access) -> bool:
        """Tell whether the principal has an access class."""
        if access is Access.POLICY:
            return not principal.anonymous and self.policy.names(principal)
        return self.level(principal) >= access

    def demand(self, principal: Principal, access: Access, what: str) -> None:
        """Refuse with ACCESS_DENIED unless the principal has the access class."""
        if not self.has(principal, access):
            raise CimError(
                Status.ACCESS_DENIED,
                f"{principal.name!r} has no {access.name.lower()} access: {what}",
                hint="an administrator grants it in the [access] section of the configuration",
            )
