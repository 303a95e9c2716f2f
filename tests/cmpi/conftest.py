"""The provider library and a test broker, built with gcc, and a daemon for them to call."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import pytest

from xencim.cimom_glue.cmpi import CmpiServer, CmpiSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from xencim.cimom_glue.cmpi.session import Engine

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
_C = ("-std=c11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror")


@dataclass(frozen=True)
class Answer:
    """What a run of the test broker has printed."""

    code: int
    lines: list[str]
    errors: str

    @property
    def status(self) -> str:
        """The last call's status and message."""
        return self.lines[-1]


@dataclass(frozen=True)
class Built:
    """A library and a broker; ``before`` is what they are run under."""

    library: Path
    drive: Path
    before: tuple[str, ...] = ()

    async def call(
        self, daemon: Path, *arguments: str, timeout_s: int = 50, deadline_s: float = 60
    ) -> Answer:
        """Call through the library; the broker must come to its end within the deadline."""
        environment = {
            **os.environ,
            "XENCIM_CMPI_SOCKET": str(daemon),
            "XENCIM_CMPI_TIMEOUT_S": str(timeout_s),
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=66",
        }
        process = await asyncio.create_subprocess_exec(
            *self.before,
            str(self.drive),
            str(self.library),
            *arguments,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            out, errors = await asyncio.wait_for(process.communicate(), deadline_s)
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise
        return Answer(process.returncode or 0, out.decode().splitlines(), errors.decode(errors="replace"))


def _compile(*arguments: str) -> None:
    done = subprocess.run(["gcc", *_C, *arguments], capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


def _build(repository: Path, target: Path, *flags: str) -> Built:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library = repository / "cimom_glue" / "cmpi" / "library"
    tests = repository / "tests" / "cmpi"
    built = Built(target / "libxencim_cmpi.so", target / "drive")
    shared = ("-fPIC", "-fvisibility=hidden", "-shared", "-o", str(built.library))
    _compile(*flags, *shared, *map(str, library.glob("*.c")))
    sources = [str(tests / name) for name in ("broker.c", "print.c", "drive.c")]
    _compile(*flags, f"-I{library}", "-o", str(built.drive), *sources)
    return built


@pytest.fixture(scope="session")
def plain(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Library and broker as they are shipped."""
    return _build(repository, tmp_path_factory.mktemp("plain"), "-O2")


@pytest.fixture(scope="session")
def sanitized(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Library and broker that end at the first wrong access, leak or undefined behaviour."""
    return _build(repository, tmp_path_factory.mktemp("sanitized"), "-O1", *SANITIZERS)


@pytest.fixture(scope="session")
def valgrind(plain: Built) -> Built:
    """Library and broker under valgrind."""
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    checks = ("-q", "--leak-check=full", "--errors-for-leak-kinds=definite", "--error-exitcode=66")
    return Built(plain.library, plain.drive, ("valgrind", *checks))


Compile: TypeAlias = "Callable[..., Path]"


@pytest.fixture(scope="session")
def compile_c(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """What builds a program of the tests' C files, sanitized, with the library inside it if wanted."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    def build(name: str, *, with_library: bool) -> Path:
        program = tmp_path_factory.mktemp("c") / name.removesuffix(".c")
        library = repository / "cimom_glue" / "cmpi" / "library"
        sources = [repository / "tests" / "cmpi" / file for file in (name, "broker.c", "print.c")]
        sources += library.glob("*.c") if with_library else ()
        _compile("-O1", *SANITIZERS, f"-I{library}", "-o", str(program), *map(str, sources))
        return program

    return build


Daemon: TypeAlias = "Callable[[Engine], AbstractAsyncContextManager[Path]]"


@pytest.fixture
def daemon(tmp_path: Path) -> Daemon:
    """What runs the daemon's end over an engine; it gives the socket's path."""

    @asynccontextmanager
    async def run(engine: Engine) -> AsyncIterator[Path]:
        socket = tmp_path / "cmpi.sock"
        server = CmpiServer(CmpiSettings(socket=socket, stop_seconds=5), engine)
        assert await server.start() == f"unix:{socket}"
        try:
            yield socket
        finally:
            await server.stop()
        assert not socket.exists()

    return run
