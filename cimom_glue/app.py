"""The whole server, put together from a configuration: hypervisors, engine, codec, sockets.

Errors: BackendError, SchemaError, CertificateError, StateError, OSError (an address), all from `start`;
nothing that was started before stays.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from xencim import __version__
from xencim.cimom_glue.cmpi import CmpiServer, CmpiSettings
from xencim.cimom_glue.cmpi.feeds import FeedLog, Feeds
from xencim.cimom_glue.config import ConfigError
from xencim.cimom_glue.hypervisors import make_backends
from xencim.cimom_glue.indications import Deliverer, listener_tls
from xencim.cimom_glue.registration.record import registered_names, registered_users
from xencim.cimom_glue.server import (
    Authenticator,
    AuthSettings,
    Limits,
    PamAccounts,
    PasswordFile,
    Server,
    ServerSettings,
)
from xencim.cimom_glue.server.replays import Replays
from xencim.cimom_glue.wire import Encoder, parse_embedded_instance
from xencim.mof.repository import load
from xencim.providers.assembly import Placement, World, assemble
from xencim.providers.backends.records import Listener
from xencim.providers.core.state import FILE_NAME, State
from xencim.providers.security.directory import Directory
from xencim.providers.storage.content import open_content

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from xencim.cimom_glue.config import Config
    from xencim.cimom_glue.config.access import DirectoryConfig
    from xencim.cimom_glue.server import Accounts

log = logging.getLogger(__name__)


class Application:
    """A server; ``config.backends`` names at least one hypervisor."""

    server: Server
    world: World
    deliverer: Deliverer

    def __init__(self, config: Config) -> None:
        self._config = config

    async def start(self) -> list[str]:
        """Reach the hypervisors and listen; return the URLs that are answered."""
        began_s = time.monotonic()
        async with AsyncExitStack() as started:
            urls = await self._start(started)
            self._started = started.pop_all()
        log.info("started in %.2f s", time.monotonic() - began_s)
        return urls

    async def stop(self) -> None:
        """Finish what is under way and let go of everything."""
        await self._started.aclose()

    async def _start(self, started: AsyncExitStack) -> list[str]:
        config = self._config
        schema = load(config.schema, config.state_dir)
        self.world = world = await assemble(
            schema.repository,
            [Placement(backend) for backend in make_backends(config)],
            config.access_policy,
            version=__version__,
            aliases=dict(config.namespaces.aliases),
            state=State.open(config.state_dir / FILE_NAME),
            parse_xml=parse_embedded_instance,
            destinations=config.migration.destination,
            trust=config.policy.trust,
        )
        started.push_async_callback(world.stop)
        tls = _listener_tls(config)
        self.deliverer = Deliverer(world.state, world.subscriptions, world.server, tls)
        await self.deliverer.start()
        started.push_async_callback(self.deliverer.stop)
        started.callback(world.events.stop)
        authenticator = Authenticator(_accounts(config), _auth_settings(config))
        replays = Replays(lambda: world.generation)
        self.server = Server(
            _server_settings(config),
            world.engine,
            Encoder(),
            authenticator,
            replays=replays,
            contents=partial(open_content, world.engine),
        )
        urls = await self.server.start()
        started.push_async_callback(self.server.stop)
        events = await self._answer_cimoms(started)
        world.events.start(self.deliverer.accept, events)
        if config.policy.directory.url is not None:
            await self._follow_directory(config.policy.directory, started)
        world.announce(Listener(url=url, scheme=url.partition(":")[0]) for url in urls)
        return urls

    async def _answer_cimoms(self, started: AsyncExitStack) -> FeedLog | None:
        """Answer CIMOMs' provider libraries; return what keeps events for them."""
        config, world = self._config, self.world
        if config.cmpi.socket is None:
            return None
        settings = _cmpi_settings(config, config.cmpi.socket)
        events = FeedLog(world.state, world.events.machines, settings.names)
        await events.start()
        started.push_async_callback(events.stop)
        started.callback(world.events.stop)
        cmpi = CmpiServer(settings, world.engine, Feeds(events, world.engine))
        log.info("CIMOMs' provider libraries are answered at %s", await cmpi.start())
        started.push_async_callback(cmpi.stop)
        return events

    async def _follow_directory(self, wanted: DirectoryConfig, started: AsyncExitStack) -> None:
        """Have the hosts' policy follow what is published."""
        # Few servers follow one, and the LDAP library takes its time.
        from xencim.cimom_glue.directory import KEPT, make_follower  # noqa: PLC0415 - as above

        follower = await asyncio.to_thread(make_follower, self._config, self._config.state_dir / KEPT)
        if follower is not None:
            hosts = (site.security for site in self.world.sites)
            directory = Directory(f"{wanted.url} {wanted.name}", follower, hosts, wanted.interval_s)
            directory.start()
            started.push_async_callback(directory.stop)


def _accounts(config: Config) -> Accounts:
    if config.auth.method == "pam":
        return PamAccounts(config.auth.pam_service)
    return PasswordFile(config.auth.password_file)


def _cmpi_settings(config: Config, socket: Path) -> CmpiSettings:
    """Return the settings; of registered CIMOMs we know as whom they run, and their namespaces."""
    return CmpiSettings(
        socket=socket,
        users=config.cmpi.users | registered_users(config.state_dir),
        names=registered_names(config.state_dir),
    )


def _auth_settings(config: Config) -> AuthSettings:
    return AuthSettings(
        anonymous_read=config.server.anonymous == "read",
        allow_plain_passwords=config.server.allow_plain_passwords,
        socket_users=config.server.socket_users,
    )


def _listener_tls(config: Config) -> SSLContext:
    authorities = config.indications.ca
    try:
        return listener_tls(authorities, verify=config.indications.verify)
    except OSError as error:  # an SSLError is one
        raise ConfigError(f"indications.ca: {authorities}: {error.strerror or error}") from error


def _server_settings(config: Config) -> ServerSettings:
    server = config.server
    limits = server.limits
    uses_client_certificates = server.client_certificates != "off"
    try:
        return ServerSettings(
            state_dir=config.state_dir,
            http=server.http,
            https=server.https,
            socket=server.socket,
            certificate=server.certificate,
            key=server.key,
            client_ca=server.client_ca if uses_client_certificates else None,
            client_certificates_required=server.client_certificates == "required",
            client_subject=server.client_subject,
            limits=Limits(
                connections=limits.connections,
                connections_per_address=limits.connections_per_address,
                header_bytes=limits.header_bytes,
                body_bytes=limits.body_bytes,
                header_seconds=limits.header_timeout_s,
                body_seconds=limits.body_timeout_s,
                write_seconds=limits.write_timeout_s,
                keep_alive_seconds=limits.idle_timeout_s,
                stop_seconds=limits.stop_timeout_s,
            ),
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error
