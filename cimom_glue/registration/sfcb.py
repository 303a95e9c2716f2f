"""sfcb: files in its staging directory, and its repository tool, which makes all anew from them.

Each class has a provider name of its own, ``xencim_CLASS``: sfcb asks the provider of every subclass for
the whole base class, and by that name ours answers for its class alone.

Source: sfcb's manual pages sfcbrepos(1), sfcbstage(1); default.reg, the form of registrations.
Errors: RegistrationError.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.record import user_name
from xencim.cimom_glue.registration.staged import classes_in, sections_in, without_classes, without_sections
from xencim.cimom_glue.registration.theirs import TheirClass, TheirNamespace
from xencim.cimom_glue.registration.tools import Tools, under
from xencim.mof.compiler import compile_mof
from xencim.mof.sources import given_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xencim.cimom_glue.registration.record import Record
    from xencim.cimom_glue.registration.theirs import NamespacePlan
    from xencim.mof.declarations import Declarations
    from xencim.mof.model import ClassDecl

_FILE = "xencim"
_LOCATION = "xencim_cmpi"
_PROVIDER = "xencim_"
_DEFAULT = re.compile(r"^\s*(stagingdir|cimschemadir)=\$\{?DESTDIR\}?(\S+)", re.MULTILINE)
_CONFIGURATIONS = ("etc/sfcb/sfcb.cfg", "usr/local/etc/sfcb/sfcb.cfg")
_HEADER = "// Written by xencim register: changes are lost at the next registration.\n"


class Sfcb:
    """An sfcb under a prefix."""

    name = "sfcb"
    after = "restart sfcb: it reads its repository when it starts"
    unusable: frozenset[str] = frozenset()

    def __init__(self, root: Path) -> None:
        self.root = root
        path = f"{root}/bin:{root}/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._tools = Tools(root, {"DESTDIR": "", "PATH": path})

    def check(self) -> None:
        """Raise RegistrationError where its files are not there."""
        for folder in (self._stage / "default.reg", self._schema / "CIM_Schema.mof"):
            if not folder.exists():
                raise RegistrationError(
                    f"there is no {folder}", hint="sfcb's repository tool needs it: install sfcb's schema"
                )

    def interop(self) -> str:
        """Return the namespace of its own interop provider."""
        sections = sections_in((self._stage / "default.reg").read_text("utf-8"))
        found = next((s.namespaces for s in sections if s.name == "$InterOpProvider$"), ())
        if not found:
            raise RegistrationError(f"{self._stage}/default.reg has no interop provider with a namespace")
        return found[0]

    def user(self) -> str:
        """Return the user that it runs as: the one its staging directory belongs to."""
        return user_name(self._stage.stat().st_uid)

    def library_folders(self) -> list[Path]:
        """Return the folders that it loads providers from."""
        for name in _CONFIGURATIONS:
            path = self.root / name
            if path.exists():
                lines = path.read_text("utf-8").splitlines()
                found = [line.partition(":")[2].split() for line in lines if line.startswith("providerDirs:")]
                return [under(self.root, one, self.root) for one in (found[-1] if found else ())]
        raise RegistrationError(f"there is no sfcb.cfg under {self.root}", hint="--root names sfcb's prefix")

    def namespace(self, name: str) -> TheirNamespace:
        """Return what its schema and other providers' staged files have in a namespace."""
        declared = self._declared
        classes = {key: _class(decl) for key, decl in declared.classes.items()}
        for path in self._staged_mof(name):
            for found in classes_in(path.read_text("utf-8", "replace")):
                classes.setdefault(found.name.lower(), TheirClass(found.name, found.superclass, None))
        owners = {
            section.name.lower(): section.location
            for _, section in self._sections(ours=False)
            if name.lower() in {one.lower() for one in section.namespaces}
        }
        if self._mof(name).exists():
            for found in classes_in(self._mof(name).read_text("utf-8")):
                classes.setdefault(found.name.lower(), TheirClass(found.name, found.superclass, None))
        return TheirNamespace(classes, frozenset(declared.qualifiers), owners)

    def registered(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return namespace, class and kinds of all that is staged as ours."""
        return {
            (namespace, section.name, section.kinds)
            for _, section in self._sections(ours=True)
            for namespace in section.namespaces
        }

    @staticmethod
    def expected(plans: Iterable[NamespacePlan]) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return what `registered` returns after a registration."""
        return {
            (plan.name, one.class_name, tuple(kind.value[1] for kind in one.kinds))
            for plan in plans
            for one in plan.provided
        }

    def files(self, plans: Sequence[NamespacePlan], version: str) -> dict[str, str]:
        """Return the staged files by their paths."""
        del version  # sfcb keeps none
        mof = {str(self._mof(plan.name)): f"{_HEADER}{plan.qualifiers}\n{plan.mof}" for plan in plans}
        return {**mof, str(self._registration): _registration(plans)}

    def load(self, plans: Sequence[NamespacePlan], version: str) -> None:
        """Stage the files and make the repository; where that fails, they are taken back."""
        files = self.files(plans, version)
        for name, text in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        try:
            self._make_repository()
        except RegistrationError:
            for name in files:
                Path(name).unlink(missing_ok=True)
            raise

    def unload(self, record: Record) -> list[str]:
        """Take the staged files back; the repository is made anew unless others' files follow."""
        for namespace in record.loaded:
            self._mof(namespace).unlink(missing_ok=True)
        self._registration.unlink(missing_ok=True)
        if not record.replaced:
            self._make_repository()
        return []

    def noted(self, plans: Sequence[NamespacePlan]) -> dict[str, Any]:
        """Return the staged files of others that hold our classes, as they are, and the classes."""
        names = {plan.name: [one.class_name for one in plan.foreign] for plan in plans if plan.foreign}
        files: dict[str, str] = {}
        for namespace, classes in names.items():
            wanted = {one.lower() for one in classes}
            for path in self._staged_mof(namespace):
                text = path.read_text("utf-8", "replace")
                if any(found.name.lower() in wanted for found in classes_in(text)):
                    files[str(path)] = text
            for path, section in self._sections(ours=False):
                if section.name.lower() in wanted:
                    files[str(path)] = path.read_text("utf-8")
        return {"files": files, "classes": names}

    def take_over(self, noted: dict[str, Any]) -> None:
        """Cut our classes out of others' staged files."""
        for name, text in noted["files"].items():
            path = Path(name)
            if path.suffix == ".reg":
                for namespace, classes in noted["classes"].items():
                    text = without_sections(text, classes, namespace)  # noqa: PLW2901 - one namespace after another
            else:
                namespace = str(path.parent.relative_to(self._stage / "mofs"))
                text = without_classes(text, noted["classes"].get(namespace, ()))  # noqa: PLW2901 - as above
            path.write_text(text, "utf-8")

    def give_back(self, noted: dict[str, Any]) -> None:
        """Restore others' staged files."""
        for name, text in noted["files"].items():
            Path(name).write_text(text, "utf-8")
        self._make_repository()

    @functools.cached_property
    def _declared(self) -> Declarations:
        return compile_mof(given_schema(self._schema).texts)

    @functools.cached_property
    def _defaults(self) -> dict[str, str]:
        script = self._tools.find("sfcbrepos").read_text("utf-8")
        return dict(_DEFAULT.findall(script))

    @property
    def _stage(self) -> Path:
        return under(self.root, self._defaults.get("stagingdir", "/var/lib/sfcb/stage"), self.root)

    @property
    def _schema(self) -> Path:
        return under(self.root, self._defaults.get("cimschemadir", "/usr/share/sfcb/CIM"), self.root)

    @property
    def _registration(self) -> Path:
        return self._stage / "regs" / f"{_FILE}.reg"

    def _mof(self, namespace: str) -> Path:
        return self._stage / "mofs" / namespace / f"{_FILE}.mof"

    def _staged_mof(self, namespace: str) -> Iterator[Path]:
        """Yield others' staged files that are compiled into a namespace."""
        for folder in (self._stage / "mofs" / namespace, self._stage / "mofs"):
            yield from sorted(path for path in folder.glob("*.mof") if path != self._mof(namespace))

    def _sections(self, *, ours: bool) -> Iterator[tuple[Path, Any]]:
        for path in sorted((self._stage / "regs").glob("*.reg")):
            if (path == self._registration) is ours:
                for section in sections_in(path.read_text("utf-8")):
                    yield path, section

    def _make_repository(self) -> None:
        self._tools.run("sfcbrepos", "-f")


def _class(decl: ClassDecl) -> TheirClass:
    names = [*(one.name.lower() for one in decl.properties), *(one.name.lower() for one in decl.methods)]
    return TheirClass(decl.name, decl.superclass, frozenset(names))


def _registration(plans: Iterable[NamespacePlan]) -> str:
    namespaces: dict[str, list[str]] = {}
    kinds: dict[str, str] = {}
    for plan in plans:
        for one in plan.provided:
            namespaces.setdefault(one.class_name, []).append(plan.name)
            kinds[one.class_name] = " ".join(kind.value[1] for kind in one.kinds)
    return "".join(
        f"[{name}]\n   provider: {_PROVIDER}{name}\n   location: {_LOCATION}\n   type: {kinds[name]}\n"
        f"   namespace: {' '.join(namespaces[name])}\n#\n"
        for name in sorted(namespaces)
    )
