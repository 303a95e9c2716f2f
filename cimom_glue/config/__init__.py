"""The configuration: one TOML file, the environment and flags, read into one frozen `Config`."""

from xencim.cimom_glue.config.access import AccessConfig, PolicyConfig
from xencim.cimom_glue.config.errors import ConfigError
from xencim.cimom_glue.config.load import Loaded, Setting, load
from xencim.cimom_glue.config.model import (
    AuthConfig,
    Config,
    HostConfig,
    IndicationsConfig,
    LimitsConfig,
    LoggingConfig,
    NamespacesConfig,
    ServerConfig,
)

__all__ = [
    "AccessConfig",
    "AuthConfig",
    "Config",
    "ConfigError",
    "HostConfig",
    "IndicationsConfig",
    "LimitsConfig",
    "Loaded",
    "LoggingConfig",
    "NamespacesConfig",
    "PolicyConfig",
    "ServerConfig",
    "Setting",
    "load",
]
