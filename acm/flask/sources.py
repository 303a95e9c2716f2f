"""An administrator's own base: the policy of a Xen source tree, expanded as its makefile does.

The sources are macros of m4, which can also run commands: whoever names a folder trusts it as a makefile.
Multi-level security stays off: nothing of an ACM policy needs it, and Xen's own sources for it name
permissions that its classes no longer have.
Errors: PolicyError where a part is missing or m4 fails.
"""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from xencim.acm.model import Finding, FindingKind, PolicyError, XsErr

if TYPE_CHECKING:
    from pathlib import Path

_SCRIPTS = "tools/flask/policy"
_HYPERVISOR = "xen/xsm/flask/policy"
_ENABLED = re.compile(r"^\s*([a-z]\w*)\s*=\s*on\s*$", re.MULTILINE)
_MACHINE = re.compile(r"^\s*type (?!acm_)(\w+), domain_type\b", re.MULTILINE)
_DERIVED = ("dom0_t", "_self", "_target", "_building")
_ARGO = re.compile(r"^\s*allow domain_type domain_type\s*:\s*argo\b", re.MULTILINE)
M4_WITHIN_S = 60
MAX_COMPLAINT = 2000
"""Characters of a program's complaint that are passed on: one mistake may be told hundreds of times."""


def error(message: str, *, xserr: XsErr = XsErr.GENERAL_FAILURE, file: str | None = None) -> PolicyError:
    """Return an error with one finding."""
    return PolicyError((Finding(FindingKind.ERROR, message, xserr, file=file),))


def run(words: list[str], within_s: float, package: str) -> str:
    """Run a program that reads a policy's text; return what it prints."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=within_s)  # noqa: S603 - a fixed program; its files are arguments, never words of a shell
    except FileNotFoundError:
        raise error(f"{words[0]} is not installed: it is in Debian's package {package}") from None
    except subprocess.TimeoutExpired:
        raise error(f"{words[0]} was not done within {within_s:.0f} s") from None
    if done.returncode:
        raise error(f"{words[0]} refuses the policy: {(done.stderr or done.stdout).strip()[:MAX_COMPLAINT]}")
    return done.stdout


def expand(tree: Path, module: Path) -> str:
    """Return a whole policy: the tree's base with a module of ours after its own."""
    scripts, hypervisor = tree / _SCRIPTS, tree / _HYPERVISOR
    enabled = _ENABLED.findall(_text(scripts / "modules/modules.conf"))
    modules = [scripts / "modules" / f"{name}.te" for name in enabled]
    local = [scripts / "policy" / name for name in ("security_classes", "access_vectors")]
    parts = [
        hypervisor / "security_classes",
        local[0],
        hypervisor / "initial_sids",
        hypervisor / "access_vectors",
        local[1],
        *sorted((scripts / "policy/support").glob("*.spt")),
        *_beside(modules, ".if"),
        scripts / "policy/global_tunables",
        *modules,
        module,
        scripts / "policy/users",
        *_beside(modules, ".cons"),
        scripts / "policy/initial_sids",
        scripts / "policy/device_contexts",
    ]
    for part in parts:
        if not part.is_file():
            raise error(f"{part} is not there: name the root of a Xen source tree", xserr=XsErr.FILE_ERROR)
    return run(["m4", "-D", "self_contained_policy", *map(str, parts)], M4_WITHIN_S, "m4")


def domain_permissions(tree: Path) -> frozenset[str]:
    """Return the permissions of the class ``domain2`` that the tree's hypervisor knows."""
    text = re.sub(r"#.*", "", _text(tree / _HYPERVISOR / "access_vectors"))
    found = re.search(r"class domain2\s*\{([^}]*)\}", text)
    return frozenset(found[1].split()) if found else frozenset()


def warnings(text: str) -> tuple[Finding, ...]:
    """Say what of the base stays outside of the ACM policy."""
    found = []
    machines = [name for name in _MACHINE.findall(text) if not name.endswith(_DERIVED)]
    if machines:
        found.append(
            f"Machines with labels of the base ({', '.join(machines)}) are governed by the base alone: "
            "give every machine a label of the policy"
        )
    if _ARGO.search(text):
        found.append(
            "The base lets all machines send to each other by Argo, whatever their labels: "
            "keep Xen's option argo off, or take that rule out of its module guest_features"
        )
    return tuple(Finding(FindingKind.WARNING, message) for message in found)


def _beside(modules: list[Path], suffix: str) -> list[Path]:
    return [path for module in modules if (path := module.with_suffix(suffix)).is_file()]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as problem:
        message = f"{path} cannot be read ({problem.strerror}): name the root of a Xen source tree"
        raise error(message, xserr=XsErr.FILE_ERROR) from None
