"""`xencim serve`: the server in the foreground, from the first account to the last reply.

SIGTERM and SIGINT stop it, SIGHUP has accounts and the certificate read again.

Errors: BackendError, ConfigError, OSError (an address), CertificateError, SchemaError.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
import socket
import sys
from typing import TYPE_CHECKING

from xencim.cimom_glue import logs
from xencim.cimom_glue.app import Application
from xencim.cimom_glue.cli.output import Exit, print_line, tell
from xencim.cimom_glue.cli.settings import load_settings
from xencim.cimom_glue.config import ConfigError
from xencim.cimom_glue.config.kinds import masked
from xencim.cimom_glue.hypervisors import TEST_HYPERVISOR, with_backends
from xencim.cimom_glue.server import PasswordFile, settle
from xencim.cimom_glue.server import run as run_loop

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from xencim.cimom_glue.config import Config

_log = logging.getLogger(__name__)

FIRST_ACCOUNT = "admin"
_PASSWORD_BYTES = 12  # 96 bits, 16 characters


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    config = load_settings(args).config
    if not (config.server.http or config.server.https or config.server.socket or config.cmpi.socket):
        raise ConfigError(
            "server.http, server.https and server.socket are off: no client could come in",
            hint="leave one of them on",
        )
    json = config.logging.format == "json"
    logs.configure(json=json, level=config.logging.level)
    run_loop(_serve(config, _tell_as_event if json else tell))
    return Exit.DONE


async def _serve(config: Config, say: Callable[[str], None]) -> None:
    looked_for = not config.backends
    config = await with_backends(config)
    if looked_for and config.backends == (TEST_HYPERVISOR,):
        say("NO HYPERVISOR FOUND: serving libvirt's built-in test hypervisor, whose machines are not real")
    application = Application(config)
    stop = asyncio.Event()
    urls = await application.start()
    settle()
    try:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, application.server.reload)
        await _make_first_account(config)
        backends = ", ".join(masked(uri) for uri in config.backends)
        say(f"ready: {backends} at {' '.join(urls)}")
        _notify("READY=1")
        await stop.wait()
        _notify("STOPPING=1")
    finally:
        await application.stop()


async def _make_first_account(config: Config) -> None:
    """Make an administrator when nobody could log in, and print the password this once.

    It goes to standard output, which holds nothing else: what is logged must hold no password.
    """
    accounts = PasswordFile(config.auth.password_file)
    if config.auth.method != "file" or accounts.list():
        return
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    await asyncio.to_thread(accounts.add, FIRST_ACCOUNT, password, ("xencim-admin",))
    print_line("There was no account yet. This one is made now, and its password shown only here:")
    print_line(f"  user:     {FIRST_ACCOUNT}")
    print_line(f"  password: {password}")
    sys.stdout.flush()


def _tell_as_event(text: str) -> None:
    """Log whatever the level: these lines are what the command was started for."""
    _log.handle(_log.makeRecord(_log.name, logging.INFO, __file__, 0, text, (), None))


def _notify(state: str) -> None:
    """Tell the service manager (sd_notify(3)) when there is one."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # A name that begins with @ is an abstract one: a zero byte stands for it.
    address = f"\0{address[1:]}" if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifier:
        try:
            notifier.sendto(state.encode(), address)
        except OSError as error:
            _log.warning("the service manager was not told %s: %s", state, error.strerror)
