"""Settings of who may do what, and of who is believed about the security policy."""

# Annotations here are read at run time, so this module does not postpone them.
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from xencim.cimom_glue.config import kinds
from xencim.cimom_glue.config.option import Option
from xencim.providers.core.access import AccessPolicy, Rule


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """Who may do what; each kind of access includes those before it, policy stands beside them."""

    read_users: Annotated[frozenset[str], Option(kinds.NAMES, frozenset(), "users who may read")]
    read_groups: Annotated[
        frozenset[str], Option(kinds.NAMES, frozenset({"xencim"}), "groups whose members may read")
    ]
    operate_users: Annotated[
        frozenset[str], Option(kinds.NAMES, frozenset(), "users who may also start and stop machines")
    ]
    operate_groups: Annotated[
        frozenset[str],
        Option(kinds.NAMES, frozenset(), "groups whose members may also start and stop machines"),
    ]
    admin_users: Annotated[
        frozenset[str], Option(kinds.NAMES, frozenset({"root"}), "users who may do everything")
    ]
    admin_groups: Annotated[
        frozenset[str],
        Option(kinds.NAMES, frozenset({"xencim-admin"}), "groups whose members may do everything"),
    ]
    policy_users: Annotated[
        frozenset[str],
        Option(kinds.NAMES, frozenset({"root"}), "users who administer the security policy, and may read"),
    ]
    policy_groups: Annotated[
        frozenset[str],
        Option(
            kinds.NAMES,
            frozenset({"xencim-admin", "xencim-policy"}),
            "groups whose members administer the security policy, and may read",
        ),
    ]

    def policy(self, *, anonymous_reads: bool) -> AccessPolicy:
        """Return what the engine decides by."""
        return AccessPolicy(
            read=Rule(self.read_users, self.read_groups),
            operate=Rule(self.operate_users, self.operate_groups),
            admin=Rule(self.admin_users, self.admin_groups),
            policy=Rule(self.policy_users, self.policy_groups),
            anonymous_reads=anonymous_reads,
        )


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Whose signature on a security policy is believed."""

    trust: Annotated[
        Path | None,
        Option(
            kinds.PATH,
            None,
            "the folder of public keys (PEM) of those who may sign policies; bundles are refused when this"
            " is not set",
        ),
    ]
