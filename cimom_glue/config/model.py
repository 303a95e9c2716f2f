"""The configuration as typed data: each setting with its kind, its default and what it is for.

A setting's key is its place here (``server.http``); the TOML file, the environment
(``XENCIM_SERVER_HTTP``), `xencim config show` and the reference page all follow from it.
"""

# Annotations here are read at run time, so this module does not postpone them.
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from xencim.cimom_glue.config import kinds, places
from xencim.cimom_glue.config.access import AccessConfig, PolicyConfig
from xencim.cimom_glue.config.destinations import DESTINATIONS
from xencim.cimom_glue.config.kinds import Address
from xencim.cimom_glue.config.option import Computed, Known, Option
from xencim.providers.backends.records import Destination
from xencim.providers.core.access import AccessPolicy

_SECONDS = kinds.number(1, 86_400, whole=False)


def _in_state_dir(name: str) -> Computed:
    return lambda known: known.values["state_dir"] / name


def _https_default(known: Known) -> tuple[Address, ...]:
    if known.values["server.anonymous"] == "read":
        return (("127.0.0.1", 5989), ("::1", 5989))
    return (("0.0.0.0", 5989), ("::", 5989))  # noqa: S104 - TLS and passwords guard it


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What the host is called."""

    name: Annotated[
        str | None,
        Option(kinds.HOST_NAME, None, "the host's name in answers instead of what its hypervisor calls it"),
    ]


@dataclass(frozen=True, slots=True)
class NamespacesConfig:
    """Further names of namespaces."""

    aliases: Annotated[
        tuple[tuple[str, str], ...],
        Option(
            kinds.ALIASES,
            (("root/interop", "interop"), ("root/PG_InterOp", "interop"), ("root/cimv2", "root/virt")),
            "names that answer as another namespace; clients default to them",
        ),
    ]


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """What one client, and all of them, may take."""

    connections: Annotated[int, Option(kinds.number(1, 100_000), 512, "connections open at once")]
    connections_per_address: Annotated[
        int, Option(kinds.number(1, 100_000), 128, "connections open at once from one address")
    ]
    header_bytes: Annotated[
        int, Option(kinds.number(1024, 1 << 20), 32 << 10, "the largest head of a request")
    ]
    body_bytes: Annotated[
        int, Option(kinds.number(1024, 1 << 30), 8 << 20, "the largest request; larger ones are answered 413")
    ]
    header_timeout_s: Annotated[float, Option(_SECONDS, 10.0, "time to send the head of a request")]
    body_timeout_s: Annotated[float, Option(_SECONDS, 60.0, "time to send the body of a request")]
    write_timeout_s: Annotated[float, Option(_SECONDS, 60.0, "how long a client may take nothing of a reply")]
    idle_timeout_s: Annotated[float, Option(_SECONDS, 30.0, "how long a connection may stay unused")]
    stop_timeout_s: Annotated[float, Option(_SECONDS, 10.0, "time that open replies have when stopping")]


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """Where clients reach the server, and how they show who they are on each way."""

    anonymous: Annotated[
        str,
        Option(
            kinds.choice("none", "read"),
            "none",
            "what clients without credentials may do; read only where every address is a loopback one",
            "--anonymous",
        ),
    ]
    http: Annotated[
        tuple[Address, ...],
        Option(
            kinds.ADDRESSES,
            (("127.0.0.1", 5988), ("::1", 5988)),
            "where CIM-XML over plain HTTP is answered",
            "--http",
        ),
    ]
    https: Annotated[
        tuple[Address, ...],
        Option(
            kinds.ADDRESSES,
            _https_default,
            "where CIM-XML over HTTPS is answered",
            "--https",
            "port 5989 of every address, of the loopback ones where server.anonymous is read",
        ),
    ]
    socket: Annotated[
        Path | None,
        Option(
            kinds.PATH_OR_OFF,
            lambda known: places.socket_path(known.environ, known.values["state_dir"]),
            "the Unix socket, where the kernel tells who calls and no password is asked",
            "--socket",
            "/run/xencim/xencim.sock beside the system's state_dir, else xencim.sock in state_dir",
        ),
    ]
    socket_users: Annotated[
        frozenset[str],
        Option(kinds.NAMES, frozenset({"root"}), "the system's users who may use the Unix socket"),
    ]
    allow_plain_passwords: Annotated[
        bool,
        Option(
            kinds.BOOLEAN,
            False,
            "accept passwords over plain HTTP from other machines: anybody between reads them",
        ),
    ]
    certificate: Annotated[
        Path | None,
        Option(
            kinds.PATH, None, "the server's certificate and its chain (PEM); one is made when this is not set"
        ),
    ]
    key: Annotated[Path | None, Option(kinds.PATH, None, "the certificate's private key (PEM)")]
    client_ca: Annotated[
        Path | None, Option(kinds.PATH, None, "the authorities (PEM) whose client certificates are believed")
    ]
    client_certificates: Annotated[
        str,
        Option(
            kinds.choice("off", "optional", "required"),
            lambda known: "off" if known.values["server.client_ca"] is None else "required",
            "whether clients show a certificate over HTTPS; its subject is then the user",
            otherwise="required with server.client_ca, else off",
        ),
    ]
    client_subject: Annotated[
        str,
        Option(kinds.TEXT, "commonName", "the part of a client certificate's subject that names the user"),
    ]
    limits: LimitsConfig


@dataclass(frozen=True, slots=True)
class AuthConfig:
    """Who may log in with a password."""

    method: Annotated[str, Option(kinds.choice("file", "pam"), "file", "what passwords are checked against")]
    password_file: Annotated[
        Path,
        Option(
            kinds.PATH,
            _in_state_dir("passwords"),
            "the file that `xencim user` keeps",
            otherwise="passwords in state_dir",
        ),
    ]
    pam_service: Annotated[str, Option(kinds.TEXT, "xencim", "the PAM service, a file in /etc/pam.d")]


@dataclass(frozen=True, slots=True)
class IndicationsConfig:
    """How indications reach listeners."""

    ca: Annotated[
        Path | None,
        Option(
            kinds.PATH,
            None,
            "the authorities (PEM) whose certificates listeners may have; the system's when this is not set",
        ),
    ]
    verify: Annotated[
        bool,
        Option(
            kinds.BOOLEAN,
            True,
            "check the certificates of HTTPS listeners: if not, anybody between can pose as the listener",
        ),
    ]


@dataclass(frozen=True, slots=True)
class CmpiConfig:
    """The way to existing CIMOMs, whose provider library calls over a Unix socket of its own."""

    socket: Annotated[
        Path | None,
        Option(
            kinds.PATH_OR_OFF,
            None,
            "the Unix socket that CIMOMs' provider library connects to, /run/xencim/cmpi.sock unless it was"
            " built for another",
            "--cmpi-socket",
        ),
    ]
    users: Annotated[
        frozenset[str],
        Option(
            kinds.NAMES,
            frozenset(),
            "the system's users, besides root and the server's own, whose processes are believed when they"
            " say for whom they call",
        ),
    ]


@dataclass(frozen=True, slots=True)
class MigrationConfig:
    """Where machines may be moved to."""

    destination: Annotated[
        tuple[Destination, ...],
        Option(
            DESTINATIONS,
            (),
            "the hosts that machines may be moved to, a table each; how: docs/usage/migration.md",
        ),
    ]


@dataclass(frozen=True, slots=True)
class LoggingConfig:
    """What is logged, and how."""

    format: Annotated[
        str,
        Option(
            kinds.choice("human", "json"),
            "human",
            "lines for people, or one JSON object a line",
            "--log-format",
        ),
    ]
    level: Annotated[
        str,
        Option(
            kinds.choice("debug", "info", "warning", "error"),
            "info",
            "the least serious messages that are logged",
            "--log-level",
        ),
    ]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, as it is in force."""

    backends: Annotated[
        tuple[str, ...],
        Option(
            kinds.BACKENDS,
            (),
            "the hypervisors to serve; with none, the local one is looked for",
            "--backend",
        ),
    ]
    state_dir: Annotated[
        Path,
        Option(
            kinds.PATH,
            lambda known: places.state_dir(known.environ),
            "where the server keeps accounts, its certificate and other state",
            "--state-dir",
            "/var/lib/xencim for root, else ~/.local/state/xencim",
        ),
    ]
    schema: Annotated[
        Path | None,
        Option(
            kinds.PATH,
            None,
            "a full DMTF CIM schema (a directory or a zip) to use instead of the part that comes along",
            "--schema",
        ),
    ]
    call_timeout_s: Annotated[
        float,
        Option(kinds.number(1, 600, whole=False), 10.0, "how long one call to a hypervisor may take"),
    ]
    host: HostConfig
    namespaces: NamespacesConfig
    server: ServerConfig
    auth: AuthConfig
    access: AccessConfig
    policy: PolicyConfig
    indications: IndicationsConfig
    cmpi: CmpiConfig
    migration: MigrationConfig
    logging: LoggingConfig

    @property
    def access_policy(self) -> AccessPolicy:
        """What the engine decides by."""
        return self.access.policy(anonymous_reads=self.server.anonymous == "read")


def options(section: type = Config, prefix: str = "") -> Iterator[tuple[str, Option]]:
    """Yield each setting's key and option, in the order in which they are resolved."""
    hints = get_type_hints(section, include_extras=True)
    for field in fields(section):
        hint = hints[field.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from options(hint, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", hint.__metadata__[0]


def build(values: Mapping[str, Any], section: type = Config, prefix: str = "") -> Any:  # noqa: ANN401 - the section
    """Return a section made of the settings' values by key."""
    hints = get_type_hints(section, include_extras=True)
    parts = {}
    for field in fields(section):
        hint = hints[field.name]
        key = f"{prefix}{field.name}"
        parts[field.name] = build(values, hint, f"{key}.") if isinstance(hint, type) else values[key]
    return section(**parts)
