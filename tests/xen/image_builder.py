"""The image of a Debian Xen host: Debian's packages, this project's dependencies, a guest of busybox.

It is kept in a cache folder under a name that follows from the recipe, so a changed recipe makes a new one.
Errors: ImageError.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RECIPE = Path(__file__).parent / "image"
SUITE = "bookworm"
PACKAGES = (
    "xen-hypervisor-4.17-amd64",
    "xen-utils-4.17",
    "xenstore-utils",
    "qemu-system-xen",
    "libvirt-daemon",
    "libvirt-daemon-driver-xen",
    "libvirt-clients",
    "python3-libvirt",
    "python3-venv",
    "sblim-wbemcli",
    "checkpolicy",
    "busybox-static",
    "mount",
    "kmod",
    "udev",
    "iproute2",
    "bridge-utils",
    "dmidecode",
    "procps",
)
# What a host without sound, screens and radio does not need of its kernel's modules.
UNUSED_MODULES = (
    "sound",
    "drivers/gpu",
    "drivers/media",
    "drivers/net/wireless",
    "drivers/net/ethernet",
    "drivers/infiniband",
    "drivers/staging",
    "drivers/iio",
    "drivers/usb",
    "drivers/scsi",
)
# What a guest has its disks, interfaces and pages of others by.
GUEST_MODULES = ("xen-blkfront", "xen-netfront", "xen-evtchn", "xen-gntalloc", "xen-gntdev")
NEEDED = (
    "unshare",
    "mmdebstrap",
    "mke2fs",
    "cpio",
    "depmod",
    "modprobe",
    "gcc",
    "qemu-system-x86_64",
)
SIZE = "4G"


class ImageError(Exception):
    """An image cannot be made; the text says why."""


@dataclass(frozen=True)
class Image:
    """The files that a Xen host is started from."""

    folder: Path

    @property
    def disk(self) -> Path:
        return self.folder / "dom0.img"

    @property
    def hypervisor(self) -> Path:
        return self.folder / "xen"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"


def cache_folder() -> Path:
    """Return where images are kept: XENCIM_XEN_CACHE, or this platform's place for such things."""
    named = os.environ.get("XENCIM_XEN_CACHE")
    return (
        Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "xencim"
    )


def why_not() -> str | None:
    """Return why no image can be made here, None where one can."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)}: not installed (make test-xen installs them)"
    return None if os.geteuid() == 0 else "making the image of a Xen host needs root"


def image(repository: Path) -> Image:
    """Return the image; make it where the cache has none of this recipe."""
    dependencies = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["dependencies"]
    recipe = "\n".join([SUITE, *PACKAGES, *UNUSED_MODULES, *dependencies])
    told = recipe.encode() + b"".join(path.read_bytes() for path in [Path(__file__), *_recipe_files()])
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    made = Image(cache / f"xen-host-{hashlib.sha256(told).hexdigest()[:12]}")
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.disk.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                _Build(Path(folder), dependencies).run()
                for old in cache.glob("xen-host-*"):
                    shutil.rmtree(old)
                Path(folder, "image").rename(made.folder)
    return made


def _recipe_files() -> Iterable[Path]:
    return sorted(path for path in RECIPE.iterdir() if path.is_file())


class _Build:
    """One image being made."""

    def __init__(self, folder: Path, dependencies: list[str]) -> None:
        self._root = folder / "root"
        self._wheels = folder / "wheels"
        self._image = Image(folder / "image")
        self._dependencies = dependencies

    def run(self) -> None:
        """Make all files of the image."""
        self._image.folder.mkdir()
        self._install_debian()
        version = self._install_kernel()
        (self._root / "guest").mkdir()
        self._write_initrd(self._image.initrd, version, "dom0", ("virtio_pci", "virtio_blk", "ext4"))
        self._write_initrd(self._root / "guest/initrd", version, "guest", GUEST_MODULES)
        shutil.copy2(self._image.kernel, self._root / "guest/vmlinuz")
        self._install_dependencies()
        self._configure()
        _run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E", "root_owner=0:0",
             "-d", self._root, self._image.disk, SIZE)  # fmt: skip

    def _install_debian(self) -> None:
        # The kernel is fetched but not installed: that would make an initial RAM disk of its own.
        newest = 'apt-cache depends linux-image-amd64 | grep -o -m1 "linux-image-[0-9].*"'
        fetch = f"chroot \"$1\" sh -c 'cd /boot && apt-get -q download $({newest})'"
        # In a mount namespace of its own: whatever happens, nothing stays mounted where files are deleted.
        _run(
            *("unshare", "--mount", "mmdebstrap"),
            "--mode=root",
            "--variant=apt",
            *(f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("man", "locale", "doc")),
            '--aptopt=APT::Install-Recommends "false"',
            f"--include={','.join(PACKAGES)}",
            f"--customize-hook={fetch}",
            SUITE,
            self._root,
        )

    def _install_kernel(self) -> str:
        [package] = (self._root / "boot").glob("linux-image-*.deb")
        unpacked = self._root.parent / "kernel"
        _run("dpkg-deb", "--extract", package, unpacked)
        package.unlink()
        [modules] = (unpacked / "lib/modules").iterdir()
        for unused in UNUSED_MODULES:
            shutil.rmtree(modules / "kernel" / unused)
        (self._root / "usr/lib/modules").mkdir(exist_ok=True)
        shutil.move(modules, self._root / "usr/lib/modules")
        _run("depmod", "-b", self._root, modules.name)
        shutil.move(unpacked / "boot" / f"vmlinuz-{modules.name}", self._image.kernel)
        with (
            gzip.open(self._root / "boot/xen-4.17-amd64.gz") as packed,
            self._image.hypervisor.open("wb") as out,
        ):
            shutil.copyfileobj(packed, out)
        return modules.name

    def _write_initrd(self, path: Path, version: str, kind: str, modules: tuple[str, ...]) -> None:
        folder = self._root.parent / f"initrd-{kind}"
        for name in ("bin", "dev", "proc", "sys", "mnt", "modules"):
            (folder / name).mkdir(parents=True)
        shutil.copy2(self._root / "bin/busybox", folder / "bin/busybox")
        files: dict[str, None] = {}
        for module in modules:
            shown = _run("modprobe", "-d", self._root, "-S", version, "--show-depends", module)
            files |= {line.split()[1]: None for line in shown.splitlines() if line.startswith("insmod ")}
        for file in files:
            shutil.copy2(file, folder / "modules")
        (folder / "modules/order").write_text("".join(f"{Path(file).name}\n" for file in files))
        _copy_program(RECIPE / f"{kind}-initrd-init.sh", folder / "init")
        if kind == "guest":
            _run("gcc", "-static", "-Os", "-Wall", "-Werror", "-o", folder / "bin/share", RECIPE / "share.c")
        archive = f"cd {folder} && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 > {path}"
        _run("sh", "-c", archive)

    def _install_dependencies(self) -> None:
        """Install this project's dependencies from wheels: dom0 reaches no network."""
        python = "/usr/bin/python3"
        _run(python, "-m", "venv", self._root.parent / "pip")
        pip = self._root.parent / "pip/bin/pip"
        _run(pip, "wheel", "-q", "--wheel-dir", self._wheels, *self._dependencies)
        shutil.copytree(self._wheels, self._root / "wheels")
        _run("chroot", self._root, python, "-m", "venv", "--system-site-packages", "/opt/xencim")
        _run("chroot", self._root, "/opt/xencim/bin/pip", "install", "-q", "--no-index",
             "--find-links", "/wheels", *self._dependencies)  # fmt: skip
        shutil.rmtree(self._root / "wheels")

    def _configure(self) -> None:
        _copy_program(RECIPE / "dom0-init.sh", self._root / "sbin/xen-host-init")
        _copy_program(RECIPE / "agent.py", self._root / "sbin/xen-host-agent")
        (self._root / "etc/hostname").write_text("xenhost\n")
        (self._root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 xenhost.example xenhost\n")
        with (self._root / "etc/default/xen").open("a") as settings:
            settings.write("XENCONSOLED_ARGS=--log=guest\n")
        # Xen hides SEP on AMD processors and emulation has no VME: without a model that fits, libvirt 9.0's
        # libxl driver does not start.
        for name in ("qemu64", "kvm64"):
            model = self._root / f"usr/share/libvirt/cpu_map/x86_{name}.xml"
            lines = model.read_text().splitlines(keepends=True)
            model.write_text("".join(line for line in lines if "<feature name='sep'/>" not in line))
        # The QEMU driver wants an account that libvirt-daemon-system makes; this host is Xen's alone.
        drivers = self._root / "usr/lib/x86_64-linux-gnu/libvirt/connection-driver"
        (drivers / "libvirt_driver_qemu.so").unlink()
        shutil.rmtree(self._root / "var/lib/apt/lists")


def _copy_program(source: Path, target: Path) -> None:
    shutil.copy(source, target)
    target.chmod(0o755)


def _run(*words: str | Path) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise ImageError(f"{words[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout
