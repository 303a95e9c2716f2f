"""Settings of who may do what, and of whom and what the security policy comes from."""

# Annotations here are read at run time, so this module does not postpone them.
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from xencim.cimom_glue.config import kinds
from xencim.cimom_glue.config.option import Option
from xencim.providers.core.access import AccessPolicy, Rule


def _read_directory_url(raw: object) -> str:
    text = kinds.TEXT.read(raw)
    parts = urlsplit(text)
    if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.path.strip("/") or parts.username:
        raise ValueError(f"{text!r} is no directory's")
    return str(text)


DIRECTORY_URL = kinds.Kind("ldaps://HOST[:PORT] or ldap://HOST[:PORT]", _read_directory_url)


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
class DirectoryConfig:
    """The directory that the security policy and labels come from."""

    url: Annotated[
        str | None,
        Option(
            DIRECTORY_URL,
            None,
            "the LDAP directory that policy and labels are followed in; ldap:// is encrypted by StartTLS"
            " before anything is said",
        ),
    ]
    base: Annotated[str, Option(kinds.TEXT, "", "the entry that publications are below")]
    name: Annotated[str, Option(kinds.TEXT, "", "the publication that is followed")]
    ca: Annotated[
        Path | None,
        Option(
            kinds.PATH,
            None,
            "the authorities (PEM) whose certificate the directory has; the system's when this is not set",
        ),
    ]
    bind: Annotated[
        str | None,
        Option(kinds.TEXT, None, "the entry that the directory is asked as; nobody when this is not set"),
    ]
    password_file: Annotated[
        Path | None, Option(kinds.PATH, None, "the file that holds the password of policy.directory.bind")
    ]
    interval_s: Annotated[
        float, Option(kinds.number(1, 86_400, whole=False), 60.0, "how often the directory is looked at")
    ]


@dataclass(frozen=True, slots=True)
class PolicyConfig:
    """Whose signature on a security policy is believed, and where policies are published."""

    trust: Annotated[
        Path | None,
        Option(
            kinds.PATH,
            None,
            "the folder of public keys (PEM) of those who may sign policies; bundles are refused when this"
            " is not set",
        ),
    ]
    directory: DirectoryConfig
