"""The provider library and a test broker, built with gcc, and a daemon for them to call."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
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
    watch: Path
    before: tuple[str, ...] = ()

    async def call(
        self, daemon: Path, *arguments: str, timeout_s: int = 50, deadline_s: float = 60
    ) -> Answer:
        """Call through the library; the broker must come to its end within the deadline."""
        process = await asyncio.create_subprocess_exec(
            *self.before,
            str(self.drive),
            str(self.library),
            *arguments,
            env={**_environment(daemon), "XENCIM_CMPI_TIMEOUT_S": str(timeout_s)},
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

    @asynccontextmanager
    async def watching(
        self,
        daemon: Path,
        class_name: str,
        *,
        provider: str = "xencim",
        principal: str = "root",
        within_s: float = 30,
    ) -> AsyncIterator[Watch]:
        """Follow a class's indications through the library; the interface is cleaned up at the end."""
        process = await asyncio.create_subprocess_exec(
            *self.before,
            *map(str, (self.watch, self.library, provider, principal, "root/virt", class_name)),
            env=_environment(daemon),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            limit=2**20,
        )
        watch = Watch(process, within_s)
        try:
            yield watch
            assert process.stdin is not None
            process.stdin.close()
            out, errors = await asyncio.wait_for(process.communicate(), within_s)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        watch.left = out.decode().splitlines()
        assert (process.returncode, errors.decode()) == (0, "")


@dataclass
class Watch:
    """A test broker that follows indications."""

    process: asyncio.subprocess.Process
    within_s: float
    delivered: list[str] = field(default_factory=list)
    """What came and was not looked at yet."""
    left: list[str] = field(default_factory=list)
    """What it printed at the end."""

    async def tell(self, *commands: str) -> list[str]:
        """Give commands, one after the other; return their statuses."""
        assert self.process.stdin is not None
        statuses = []
        for command in commands:
            self.process.stdin.write(f"{command}\n".encode())
            while not (line := await self._line()).startswith(f"{command}: "):
                self.delivered.append(line)
            statuses.append(line.partition(": ")[2].rstrip())
        return statuses

    async def next(self) -> str:
        """Return the next indication."""
        return self.delivered.pop(0) if self.delivered else await self._line()

    async def _line(self) -> str:
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), self.within_s)
        if not line:
            assert self.process.stderr is not None
            pytest.fail((await self.process.stderr.read()).decode())
        return line.decode().rstrip("\n")


def _environment(daemon: Path) -> dict[str, str]:
    return {
        **os.environ,
        "XENCIM_CMPI_SOCKET": str(daemon),
        "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=66",
    }


def _compile(*arguments: str, compiler: str = "gcc") -> None:
    command = [compiler, *_C, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr


def _build(repository: Path, target: Path, *flags: str) -> Built:
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library = repository / "cimom_glue" / "cmpi" / "library"
    tests = repository / "tests" / "cmpi"
    built = Built(target / "libxencim_cmpi.so", target / "drive", target / "watch")
    shared = ("-fPIC", "-fvisibility=hidden", "-shared", "-o", str(built.library))
    _compile(*flags, *shared, *map(str, library.glob("*.c")))
    broker = [str(tests / name) for name in ("broker.c", "print.c")]
    for program in (built.drive, built.watch):
        source = str(tests / f"{program.name}.c")
        _compile(*flags, f"-I{library}", "-o", str(program), *broker, source)
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
    return replace(plain, before=("valgrind", *checks))


Compile: TypeAlias = "Callable[..., Path]"


@pytest.fixture(scope="session")
def compile_c(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """What builds a program of the tests' C files, sanitized, with the library inside it if wanted.

    With libFuzzer it is clang that builds it.
    """
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")

    def build(name: str, *, with_library: bool, with_libfuzzer: bool = False) -> Path:
        program = tmp_path_factory.mktemp("c") / name.removesuffix(".c")
        library = repository / "cimom_glue" / "cmpi" / "library"
        sources = [repository / "tests" / "cmpi" / file for file in (name, "broker.c", "print.c")]
        sources += library.glob("*.c") if with_library else ()
        flags = ("-O1", *SANITIZERS, f"-I{library}", "-o", str(program), *map(str, sources))
        if with_libfuzzer:
            _compile("-fsanitize=fuzzer", "-DLIBFUZZER", *flags, compiler="clang")
        else:
            _compile(*flags)
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
