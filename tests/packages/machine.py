"""A Debian machine without a network: a tree that is made once, with a layer of its own for each test.

The tree has what the packages depend on, so that installing them is apt's and dpkg's work alone. It is
mounted in a namespace whose only process ends with the test, and all that was mounted with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = "bookworm"
# Besides what the packages depend on.
MORE = ("python3-libvirt", "sblim-wbemcli", "systemd")
NEEDED = ("unshare", "nsenter", "mmdebstrap", "dpkg-buildpackage", "rpmbuild", "apparmor_parser", "lintian")
_ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
_MOUNTS = """
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
mount -t proc proc "$2/root/proc"
mount --bind "$2/packages" "$2/root/mnt"
ip link set lo up
echo mounted
exec cat
"""
# What apt, dpkg, debconf and adduser keep of everything that was ever done.
LOGS = ("var/lib/dpkg", "var/lib/apt", "var/log", "var/cache", "run/adduser")
BACKUPS = ("etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-")


@dataclass(frozen=True)
class Machine:
    """One machine; ``root`` is its file system, seen from outside."""

    pid: int
    root: Path
    packages: Path
    inside: Path

    def command(self, *words: str) -> list[str]:
        """Return the words that run a command in it."""
        return ["nsenter", f"--target={self.pid}", "--mount", "--net", "chroot", str(self.inside), *words]

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a process in it, whose output is read."""
        return subprocess.Popen(
            self.command(*words),
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, data: str = "") -> str:
        """Run a command and return its output, errors included; it has to succeed."""
        done = subprocess.run(
            self.command(*words),
            env=_ENVIRONMENT,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{words}: exit code {done.returncode}: {done.stdout}"
        return done.stdout

    def install(self, *packages: Path) -> str:
        """Install or upgrade by apt, as an upgrade without questions does."""
        for package in packages:
            shutil.copy(package, self.packages)
        names = [f"/mnt/{package.name}" for package in packages]
        keep = ["-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"]
        return self.run("apt-get", "install", "--yes", "--quiet", *keep, *names)

    def files(self) -> dict[str, tuple[str, ...]]:
        """Return what each file is: its kind, mode, owner and content."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            for name in (*folders, *names):
                path = Path(folder, name)
                place = str(path.relative_to(self.root))
                if place not in BACKUPS and not place.startswith((*LOGS, "proc/", "mnt/", "dev/")):
                    found[place] = _described(path)
        return found


def _described(path: Path) -> tuple[str, ...]:
    info = path.lstat()
    content = ""
    if stat.S_ISLNK(info.st_mode):
        content = str(path.readlink())
    elif stat.S_ISREG(info.st_mode):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
    return (stat.filemode(info.st_mode), str(info.st_uid), str(info.st_gid), content)


def base_tree(packages: list[str]) -> Path:
    """Return the tree with these packages; make it where the cache has none of them."""
    named = os.environ.get("XENCIM_PACKAGES_CACHE")
    cache = Path(named or Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "xencim")
    cache.mkdir(parents=True, exist_ok=True)
    wanted = ",".join(sorted({*packages, *MORE}))
    digest = hashlib.sha256(f"{SUITE} {wanted}".encode()).hexdigest()[:12]
    made = cache / f"debian-{digest}"
    with (cache / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in cache.glob("debian-*"):
                shutil.rmtree(old)
            new = cache / "debian-new"
            words = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={wanted}"]
            subprocess.run([*words, SUITE, str(new)], check=True, timeout=600)
            new.rename(made)
    return made


@contextmanager
def running(base: Path, folder: Path) -> Iterator[Machine]:
    """Make a machine of a tree, its own files in a folder."""
    for name in ("upper", "work", "root", "packages"):
        (folder / name).mkdir(parents=True)
    words = ["unshare", "--mount", "--net", "sh", "-e", "-c", _MOUNTS, "sh", str(base), str(folder)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        try:
            assert holder.stdout.readline() == "mounted\n"
            inside = folder / "root"
            root = Path(f"/proc/{holder.pid}/root{inside}")
            yield Machine(holder.pid, root, folder / "packages", inside)
        finally:
            holder.stdin.close()
