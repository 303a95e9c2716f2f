"""The configuration: precedence, origins, and errors that name the place and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.cimom_glue.config import ConfigError, Loaded, kinds, load
from xencim.cimom_glue.config.load import variable
from xencim.cimom_glue.config.model import options
from xencim.cimom_glue.config.toml_lines import find_line
from xencim.cimom_glue.server.settings import Limits
from xencim.providers.core.access import Access, Principal
from xencim.providers.core.registry import DEFAULT_ALIASES

if TYPE_CHECKING:
    from collections.abc import Mapping

Flags: TypeAlias = "dict[str, str | list[str]]"

FULL = """\
backends = ["xen:///system", "fake:3"]
state_dir = "/srv/xencim"   # a comment
call_timeout_s = 2.5

[host]
name = "dom0.example.org"

[namespaces.aliases]
"root/cimv2" = "root/virt"

[server]
http = "off"
https = ["192.0.2.1:5989", "[2001:db8::1]:5989"]
socket = "off"

[server.limits]
connections = 7

[auth]
method = "pam"

[access]
read_users = ["alice"]
operate_groups = ["operators"]

[logging]
format = "json"
"""


def read(
    tmp_path: Path, text: str, environ: Mapping[str, str] | None = None, flags: Flags | None = None
) -> Loaded:
    file = tmp_path / "xencim.toml"
    file.write_text(text)
    return load(flags, file=str(file), environ=environ or {})


def origin(loaded: Loaded, key: str) -> str:
    return next(setting.origin for setting in loaded.settings if setting.key == key)


def refused(
    tmp_path: Path, text: str, environ: Mapping[str, str] | None = None, flags: Flags | None = None
) -> tuple[str, str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, environ, flags)
    return caught.value.message.replace(str(tmp_path), "DIR"), caught.value.hint or ""


def test_the_file_is_read(tmp_path: Path) -> None:
    config = read(tmp_path, FULL).config
    assert config.backends == ("xen:///system", "fake:3")
    assert config.state_dir == Path("/srv/xencim")
    assert config.call_timeout_s == 2.5
    assert config.host.name == "dom0.example.org"
    assert config.namespaces.aliases == (("root/cimv2", "root/virt"),)
    assert config.server.http == ()
    assert config.server.https == (("192.0.2.1", 5989), ("2001:db8::1", 5989))
    assert config.server.socket is None
    assert config.server.limits.connections == 7
    assert config.auth.method == "pam"
    assert config.auth.password_file == Path("/srv/xencim/passwords")
    assert config.access.read_users == {"alice"}
    assert config.logging.format == "json"


def test_flags_win_over_environment_over_file_over_default(tmp_path: Path) -> None:
    environ = {"XENCIM_SERVER_HTTP": "127.0.0.1:1", "XENCIM_LOGGING_LEVEL": "debug"}
    loaded = read(tmp_path, FULL, environ, {"server.http": "127.0.0.1:2"})
    assert loaded.config.server.http == (("127.0.0.1", 2),)
    assert origin(loaded, "server.http") == "flag --http"
    assert loaded.config.logging.level == "debug"
    assert origin(loaded, "logging.level") == "environment XENCIM_LOGGING_LEVEL"
    assert origin(loaded, "logging.format") == f"{tmp_path}/xencim.toml:27"
    assert origin(loaded, "namespaces.aliases") == f"{tmp_path}/xencim.toml:8"
    assert origin(loaded, "server.anonymous") == "default"


def test_the_configuration_can_be_named_by_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('schema = "/usr/share/mof"\n')
    loaded = load(environ={"XENCIM_CONFIG": str(file)})
    assert (loaded.file, loaded.config.schema) == (file, Path("/usr/share/mof"))


def test_every_setting_can_come_from_the_environment() -> None:
    environ = {
        "XENCIM_BACKENDS": "qemu:///system, fake:2",
        "XENCIM_STATE_DIR": "/state",
        "XENCIM_CALL_TIMEOUT_S": "3",
        "XENCIM_NAMESPACES_ALIASES": "root/a=root/virt,root/b=interop",
        "XENCIM_SERVER_HTTPS": "off",
        "XENCIM_SERVER_ALLOW_PLAIN_PASSWORDS": "true",
        "XENCIM_SERVER_LIMITS_CONNECTIONS": "5",
        "XENCIM_ACCESS_READ_USERS": "alice,bob",
    }
    config = load(environ=environ).config
    assert config.backends == ("qemu:///system", "fake:2")
    assert config.call_timeout_s == 3.0
    assert config.namespaces.aliases == (("root/a", "root/virt"), ("root/b", "interop"))
    assert config.server.https == ()
    assert config.server.allow_plain_passwords is True
    assert config.server.limits.connections == 5
    assert config.access.read_users == {"alice", "bob"}
    assert len({variable(key) for key, _ in options()}) == len(list(options()))


def test_defaults_are_those_of_the_parts_that_use_them() -> None:
    config = load(environ={}).config
    limits = Limits()
    assert config.server.limits.connections == limits.connections
    assert config.server.limits.connections_per_address == limits.connections_per_address
    assert config.server.limits.header_bytes == limits.header_bytes
    assert config.server.limits.body_bytes == limits.body_bytes
    assert config.server.limits.header_timeout_s == limits.header_seconds
    assert config.server.limits.body_timeout_s == limits.body_seconds
    assert config.server.limits.write_timeout_s == limits.write_seconds
    assert config.server.limits.idle_timeout_s == limits.keep_alive_seconds
    assert config.server.limits.stop_timeout_s == limits.stop_seconds
    assert {alias.lower(): name for alias, name in config.namespaces.aliases} == DEFAULT_ALIASES


def test_anonymous_reading_makes_the_default_addresses_local() -> None:
    closed = load(environ={}).config
    assert [host for host, _ in closed.server.https] == ["0.0.0.0", "::"]  # noqa: S104 - nothing is bound
    anonymous = load({"server.anonymous": "read"}, environ={}).config
    assert [host for host, _ in anonymous.server.https] == ["127.0.0.1", "::1"]
    assert anonymous.access_policy.level(Principal("", anonymous=True)) == Access.READ
    assert closed.access_policy.level(Principal("", anonymous=True)) == 0


def test_anonymous_reading_is_refused_where_other_machines_reach_the_server(tmp_path: Path) -> None:
    for key, flag in (("server.http", "--http"), ("server.https", "--https")):
        message, hint = refused(tmp_path, "", flags={"server.anonymous": "read", key: "192.0.2.1:5988"})
        assert message == (
            f"flag {flag}: {key} 192.0.2.1:5988 is no loopback address, and server.anonymous is read"
        )
        assert hint == "without credentials only this machine may read: give 127.0.0.1, [::1] or off"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (
            "\n[server]\nhttps = []\nhtps = 1\n",
            "DIR/xencim.toml:4: there is no setting server.htps",
            (
                "there are: server.anonymous, server.http, server.https, server.socket, server.socket_users, "
                "server.allow_plain_passwords, server.certificate, server.key, server.client_ca, "
                "server.client_certificates, server.client_subject"
            ),
        ),
        (
            "server = 1\n",
            "DIR/xencim.toml:1: there is no setting server",
            (
                "[server] is a table of allow_plain_passwords, anonymous, certificate, client_ca, "
                "client_certificates, client_subject, http, https, key, limits, socket, socket_users"
            ),
        ),
        (
            "[server]\nhttp = 5988\n",
            "DIR/xencim.toml:2: server.http: 5988 is not a list",
            f"server.http must be {kinds.ADDRESSES.allowed}",
        ),
        (
            "[server.limits]\nconnections = true\n",
            "DIR/xencim.toml:2: server.limits.connections: True is not such a number",
            "server.limits.connections must be a whole number from 1 to 100000",
        ),
        (
            '[auth]\nmethod = "ldap"\n',
            "DIR/xencim.toml:2: auth.method: 'ldap' is not one of them",
            "auth.method must be one of file, pam",
        ),
        (
            '[host]\nname = "localhost.localdomain"\n',
            (
                "DIR/xencim.toml:2: host.name: every host calls itself localhost, "
                "so no client could tell hosts apart"
            ),
            "host.name must be a host name other than localhost",
        ),
        (
            'state_dir = ""\n',
            "DIR/xencim.toml:1: state_dir: it is empty",
            "state_dir must be a path",
        ),
        (
            "[server]\nallow_plain_passwords = 1\n",
            "DIR/xencim.toml:2: server.allow_plain_passwords: 1 is not a boolean",
            "server.allow_plain_passwords must be true or false",
        ),
        (
            "backends = [1]\n",
            "DIR/xencim.toml:1: backends: 1 is not a string",
            f"backends must be {kinds.BACKENDS.allowed}",
        ),
        (
            "namespaces.aliases = 1\n",
            "DIR/xencim.toml:1: namespaces.aliases: 1 is not a table",
            "namespaces.aliases must be a table of aliases, each with the namespace it stands for",
        ),
    ],
)
def test_errors_name_the_line_and_what_is_allowed(tmp_path: Path, text: str, message: str, hint: str) -> None:
    assert refused(tmp_path, text) == (message, hint)


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("5988", "'5988' is not ADDR:PORT"),
        (":5988", "':5988' is not ADDR:PORT"),
        ("host:", "'' is not a port (0 to 65535)"),
        ("host:65536", "'65536' is not a port (0 to 65535)"),
        ("host:-1", "'-1' is not a port (0 to 65535)"),
        ("::1:5988", "an IPv6 address stands in brackets, [::1]:5988"),
        ("[1]:5988", "'1' is not an IPv6 address"),
        ("a b:5988", "'a b' is neither an address nor a host name"),
    ],
)
def test_bad_addresses_are_named(tmp_path: Path, address: str, cause: str) -> None:
    message, _ = refused(tmp_path, "", flags={"server.http": address})
    assert message == f"flag --http: server.http: {cause}"


@pytest.mark.parametrize(
    ("backend", "cause"),
    [
        ("fake:0", "fake:N needs at least one machine"),
        ("fake", "'fake' is neither a hypervisor's URI nor fake:N"),
        ("host", "'host' is neither a hypervisor's URI nor fake:N"),
    ],
)
def test_bad_backends_are_named(tmp_path: Path, backend: str, cause: str) -> None:
    message, _ = refused(tmp_path, "", flags={"backends": [backend]})
    assert message == f"flag --backend: backends: {cause}"


def test_a_text_that_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    message, _ = refused(tmp_path, "a = \n")
    assert message == "DIR/xencim.toml: Invalid value (at line 1, column 5)"


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        load(file=str(tmp_path / "x"), environ={})


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config: .*/none does not exist"):
        load(file=str(tmp_path / "none"), environ={})
    with pytest.raises(ConfigError, match=r"XENCIM_CONFIG: .*/none does not exist"):
        load(environ={"XENCIM_CONFIG": str(tmp_path / "none")})


def test_an_unknown_variable_of_a_section_is_refused(tmp_path: Path) -> None:
    message, _ = refused(tmp_path, "", {"XENCIM_SERVER_HTP": "off"})
    assert message == "environment XENCIM_SERVER_HTP: there is no such setting"


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, '[server]\ncertificate = "c"\n')[0] == "server.key is not set"
    assert refused(tmp_path, '[server]\nkey = "c"\n')[0] == "server.certificate is not set"
    assert refused(tmp_path, '[server]\nclient_certificates = "required"\n')[0] == (
        "DIR/xencim.toml:2: server.client_certificates needs server.client_ca"
    )


def test_client_certificates_are_demanded_once_there_is_an_authority(tmp_path: Path) -> None:
    assert read(tmp_path, '[server]\nclient_ca = "ca"\n').config.server.client_certificates == "required"


def test_passwords_in_uris_are_masked() -> None:
    flags = {"backends": ["qemu+tcp://root:secret@host/system", "xen:///system"]}
    shown = next(s.shown for s in load(flags, environ={}).settings if s.key == "backends")
    assert shown == ["qemu+tcp://root:***@host/system", "xen:///system"]


def test_off_is_shown_as_off(tmp_path: Path) -> None:
    shown = {s.key: s.shown for s in read(tmp_path, FULL).settings}
    assert (shown["server.http"], shown["server.socket"], shown["schema"]) == ("off", "off", None)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("a = 1\n[t]\na = 2\n", "t.a", 3),
        ("t.a = 1\n", "t.a", 1),
        ("[t]\nu.a = 1\n", "t.u.a", 2),
        ('[t]\n"a" = 1\n', "t.a", 2),
        ("[t] # why\n", "t", 1),
        ("t = {a = 1}\n", "t.a", None),
    ],
)
def test_lines_of_keys_are_found(text: str, key: str, line: int | None) -> None:
    assert find_line(text, key) == line
