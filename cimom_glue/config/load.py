"""Read the configuration: flags before the environment before the file before the defaults.

Errors: ConfigError, naming file:line, the variable or the flag, and what is allowed.
"""

from __future__ import annotations

import ipaddress
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.config import places
from xencim.cimom_glue.config.errors import ConfigError
from xencim.cimom_glue.config.kinds import show_address
from xencim.cimom_glue.config.model import Config, build, options
from xencim.cimom_glue.config.option import Known, Option
from xencim.cimom_glue.config.toml_lines import find_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE_PREFIX = "XENCIM_"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting in force; ``origin`` is where its value came from."""

    key: str
    option: Option
    value: Any
    origin: str

    @property
    def shown(self) -> Any:  # noqa: ANN401 - what JSON can hold
        """The value as the file would hold it, secrets masked; None when it is not set."""
        return None if self.value is None and not self.is_off else self.option.kind.show(self.value)

    @property
    def is_off(self) -> bool:
        """Whether None means that somebody turned it off."""
        return self.value is None and self.origin != "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The configuration, each setting's origin, and the file that was read."""

    config: Config
    settings: tuple[Setting, ...]
    file: Path | None


@dataclass(frozen=True, slots=True)
class _Given:
    """A raw value, where it stands, and whether it is still text."""

    raw: object
    origin: str
    is_text: bool


def variable(key: str) -> str:
    """Return the environment variable of a setting."""
    return VARIABLE_PREFIX + key.replace(".", "_").upper()


def load(
    flags: Mapping[str, str | list[str]] | None = None,
    *,
    file: str | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read all sources; ``flags`` are by key, ``file`` is what ``--config`` named."""
    environ = os.environ if environ is None else environ
    path = _find_file(file, environ)
    known = dict(options())
    given = {
        **_from_file(path, known),
        **_from_environment(environ, known),
        **_from_flags(flags or {}, known),
    }
    settings = []
    values: dict[str, Any] = {}
    for key, option in known.items():
        setting = _resolve(key, option, given.get(key), Known(values, environ))
        values[key] = setting.value
        settings.append(setting)
    origins = {setting.key: setting.origin for setting in settings}
    _check_together(values, origins)
    return Loaded(build(values), tuple(settings), path)


def _resolve(key: str, option: Option, given: _Given | None, known: Known) -> Setting:
    if given is None:
        default = option.default(known) if callable(option.default) else option.default
        return Setting(key, option, default, "default")
    try:
        raw = given.raw
        if given.is_text and isinstance(raw, str):
            raw = option.kind.from_text(raw)
        return Setting(key, option, option.kind.read(raw), given.origin)
    except ValueError as error:
        raise ConfigError(
            f"{given.origin}: {key}: {error}", hint=f"{key} must be {option.kind.allowed}"
        ) from None


# Sources ---------------------------------------------------------------------------------------


def _find_file(named: str | None, environ: Mapping[str, str]) -> Path | None:
    if named is not None:
        return _must_exist(Path(named), "--config")
    if variable_value := environ.get(f"{VARIABLE_PREFIX}CONFIG"):
        return _must_exist(Path(variable_value), f"{VARIABLE_PREFIX}CONFIG")
    return next((path for path in places.config_files(environ) if path.exists()), None)


def _must_exist(path: Path, origin: str) -> Path:
    if not path.exists():
        raise ConfigError(f"{origin}: {path} does not exist", hint="without it, the defaults are in force")
    return path


def _from_file(path: Path | None, known: Mapping[str, Option]) -> dict[str, _Given]:
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: it cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is not UTF-8", hint="TOML files are") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}", hint="the file is TOML: https://toml.io") from None
    given = {}
    for key, raw in _flatten(tables, known):
        line = find_line(text, key)
        origin = f"{path}:{line}" if line else str(path)
        if key not in known:
            raise ConfigError(f"{origin}: there is no setting {key}", hint=_alternatives(key, known))
        given[key] = _Given(raw, origin, is_text=False)
    return given


def _flatten(
    table: Mapping[str, object], known: Mapping[str, Option], prefix: str = ""
) -> Iterator[tuple[str, object]]:
    for name, raw in table.items():
        key = f"{prefix}{name}"
        is_section = any(other.startswith(f"{key}.") for other in known)
        if is_section and isinstance(raw, dict):
            yield from _flatten(raw, known, f"{key}.")
        else:
            yield key, raw


def _alternatives(key: str, known: Mapping[str, Option]) -> str:
    section = key.rpartition(".")[0]
    names = [other for other in known if other.rpartition(".")[0] == section]
    inner = {other[len(key) + 1 :].partition(".")[0] for other in known if other.startswith(f"{key}.")}
    if inner:
        return f"[{key}] is a table of {', '.join(sorted(inner))}"
    return f"there are: {', '.join(names)}" if names else f"there are: {', '.join(known)}"


def _from_environment(environ: Mapping[str, str], known: Mapping[str, Option]) -> dict[str, _Given]:
    by_variable = {variable(key): key for key in known}
    sections = tuple({variable(key.partition(".")[0]) + "_" for key in known if "." in key})
    given = {}
    for name, value in environ.items():
        if (key := by_variable.get(name)) is not None:
            given[key] = _Given(value, f"environment {name}", is_text=True)
        elif name.startswith(sections):
            raise ConfigError(
                f"environment {name}: there is no such setting", hint="`xencim config show` lists them"
            )
    return given


def _from_flags(flags: Mapping[str, str | list[str]], known: Mapping[str, Option]) -> dict[str, _Given]:
    return {key: _Given(value, f"flag {known[key].flag}", is_text=True) for key, value in flags.items()}


# What only shows when settings are seen together ---------------------------------------------


def _check_together(values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    if (values["server.certificate"] is None) != (values["server.key"] is None):
        missing = "server.key" if values["server.key"] is None else "server.certificate"
        raise ConfigError(f"{missing} is not set", hint="server.certificate and server.key belong together")
    if values["server.client_certificates"] != "off" and values["server.client_ca"] is None:
        raise ConfigError(
            f"{origins['server.client_certificates']}: server.client_certificates needs server.client_ca",
            hint="name the file of the authorities whose certificates are believed",
        )
    _check_directory(values)
    if values["server.anonymous"] == "read":
        for key in ("server.http", "server.https"):
            for address in values[key]:
                if not is_loopback(address[0]):
                    raise ConfigError(
                        f"{origins[key]}: {key} {show_address(address)} is no loopback address,"
                        " and server.anonymous is read",
                        hint="without credentials only this machine may read: give 127.0.0.1, [::1] or off",
                    )


def _check_directory(values: Mapping[str, Any]) -> None:
    if values["policy.directory.url"] is not None:
        for key in ("policy.trust", "policy.directory.base", "policy.directory.name"):
            if not values[key]:
                raise ConfigError(f"{key} is not set", hint="policy.directory.url needs it")
    if (values["policy.directory.bind"] is None) != (values["policy.directory.password_file"] is None):
        raise ConfigError(
            "policy.directory.bind and policy.directory.password_file belong together",
            hint="set both, or none to ask anonymously",
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
