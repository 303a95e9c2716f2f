"""OpenPegasus: its repository and registration, through its own programs and while it runs.

One PG_ProviderModule, one PG_Provider, and a PG_ProviderCapabilities for each class. UserContext 5 lets
the provider's processes run as the CIMOM's own user.

Source: OpenPegasus's PG_ProviderModule20.mof (the classes' properties and values); its manual pages of
cimcli, cimmof, cimprovider and cimconfig.
Errors: RegistrationError.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.record import user_name
from xencim.cimom_glue.registration.theirs import TheirClass, TheirNamespace
from xencim.cimom_glue.registration.tools import Tools, under

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from xencim.cimom_glue.registration.record import Record
    from xencim.cimom_glue.registration.theirs import NamespacePlan

MODULE = "xencim"
# Where its packages keep the repository and the configuration; under another prefix, the prefix itself.
_HOMES = ("", "var/lib/Pegasus", "var/lib/pegasus", "opt/tog-pegasus", "usr/share/Pegasus")
_INTEROPS = ("root/PG_InterOp", "root/interop", "interop")
_ABSENT = ("CIM_ERR_INVALID_NAMESPACE", "CIM_ERR_NOT_FOUND", "CIM_ERR_INVALID_CLASS")
_HAS_CHILDREN = "CIM_ERR_CLASS_HAS_CHILDREN"
_ELEMENT = re.compile(r"<(CLASS|INSTANCE|QUALIFIER\.DECLARATION) .*?</\1>", re.DOTALL)
_MODULE = """\
instance of PG_ProviderModule {{
  Name = "xencim";
  Vendor = "xencim";
  Version = "{version}";
  InterfaceType = "CMPI";
  InterfaceVersion = "2.0.0";
  Location = "xencim_cmpi";{user}
}};

instance of PG_Provider {{
  Name = "xencim";
  ProviderModuleName = "xencim";
}};
"""
# Of its MOF compiler, which takes them for nothing else.
_WORDS = (
    "any as association class disableoverride enableoverride flavor indication instance method of "
    "parameter property qualifier ref reference restricted schema scope tosubclass translatable"
)
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)


class Pegasus:
    """An OpenPegasus under a prefix."""

    name = "pegasus"
    after = ""
    unusable = frozenset(_WORDS.split())

    def __init__(self, root: Path) -> None:
        home = next((root / one for one in _HOMES if (root / one / "repository").is_dir()), root)
        libraries = [str(path) for path in (root / "lib", root / "lib64") if path.is_dir()]
        environ = {"PEGASUS_HOME": str(home)}
        if root != Path("/"):
            environ["LD_LIBRARY_PATH"] = ":".join(libraries)
        self.root = root
        self._home = home
        self._tools = Tools(root, environ)
        self._interop: str | None = None

    def check(self) -> None:
        """Raise RegistrationError where the CIMOM does not run."""
        try:
            self._tools.run("cimcli", "ns")
        except RegistrationError as error:
            hint = error.hint or "start OpenPegasus: classes and providers are registered while it runs"
            raise RegistrationError(error.message, hint=hint) from error

    def interop(self) -> str:
        """Return the namespace that its own registration is in."""
        if self._interop is None:
            there = {line.strip().lower() for line in (self._tools.run("cimcli", "ns") or "").splitlines()}
            for name in _INTEROPS:
                if name.lower() in there and self._query("gc", "PG_ProviderModule", name):
                    self._interop = name
                    break
            else:
                raise RegistrationError(f"none of {', '.join(_INTEROPS)} has the class PG_ProviderModule")
        return self._interop

    def user(self) -> str:
        """Return the user that it runs as: the one its repository belongs to."""
        return user_name(self._path("repositoryDir").stat().st_uid)

    def library_folders(self) -> list[Path]:
        """Return the folders that it loads providers from."""
        found = self._setting("providerDir").split(":")
        return [under(self.root, one, self._home) for one in found if one]

    def namespace(self, name: str) -> TheirNamespace:
        """Return what it has in a namespace."""
        found = self._query("ec", "", name, "-di", "-niq")
        if found is None:
            return TheirNamespace()
        classes = {element.get("NAME", "").lower(): _class(element) for element in found}
        types = self._query("eq", "", name) or []
        return TheirNamespace(
            classes,
            frozenset(element.get("NAME", "").lower() for element in types),
            {
                one["ClassName"].lower(): one["ProviderModuleName"]
                for one in self._capabilities()
                if one["ProviderModuleName"] != MODULE and _is_in(one, name)
            },
        )

    def registered(self) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return namespace, class and kinds of all that is registered as ours."""
        return {
            (namespace, one["ClassName"], tuple(sorted(one["ProviderType"])))
            for one in self._capabilities()
            if one["ProviderModuleName"] == MODULE
            for namespace in one["Namespaces"]
        }

    @staticmethod
    def expected(plans: Iterable[NamespacePlan]) -> set[tuple[str, str, tuple[str, ...]]]:
        """Return what `registered` returns after a registration."""
        return {
            (plan.name, one.class_name, tuple(sorted(str(kind.value[0]) for kind in one.kinds)))
            for plan in plans
            for one in plan.provided
        }

    def files(self, plans: Sequence[NamespacePlan], version: str) -> dict[str, str]:
        """Return the MOF that is loaded, by namespace and what it is."""
        texts = {f"{plan.name}: classes": f"{plan.qualifiers}\n{plan.mof}" for plan in plans}
        return {**texts, f"{self.interop()}: registration": self._registration(plans, version)}

    def load(self, plans: Sequence[NamespacePlan], version: str) -> None:
        """Load classes, then register their provider."""
        for plan in plans:
            self._load(plan.name, f"{plan.qualifiers}\n{plan.mof}")
        self._load(self.interop(), self._registration(plans, version))

    def unload(self, record: Record) -> list[str]:
        """Remove the provider and the classes that were loaded; return what had to stay, and why."""
        if MODULE in (self._tools.run("cimprovider", "-l") or "").split():
            self._tools.run("cimprovider", "-r", "-m", MODULE)
        notes = []
        for namespace, names in record.loaded.items():
            for name in reversed(names):
                said = self._tools.run(
                    "cimcli", "dc", name, "-n", namespace, tolerated=(*_ABSENT, _HAS_CHILDREN)
                )
                if said is None and self._query("gc", name, namespace):
                    notes.append(f"{name} stays in {namespace}: other classes are derived from it")
        return notes

    def noted(self, plans: Sequence[NamespacePlan]) -> dict[str, Any]:
        """Return other providers' classes of our names and how they are registered."""
        capabilities: list[dict[str, Any]] = []
        classes: dict[str, list[list[str]]] = {}
        for plan in plans:
            names = {one.class_name.lower() for one in plan.foreign}
            capabilities += [
                one
                for one in self._capabilities()
                if one["ProviderModuleName"] != MODULE
                and one["ClassName"].lower() in names
                and _is_in(one, plan.name)
                and one not in capabilities
            ]
            for one in plan.foreign:
                text = self._tools.run("cimcli", "gc", one.class_name, "-n", plan.name, tolerated=_ABSENT)
                if text is not None:
                    classes.setdefault(plan.name, []).append([one.class_name, text])
        taken = [plan.name.lower() for plan in plans if plan.foreign]
        return {"capabilities": capabilities, "classes": classes, "taken": taken}

    def take_over(self, noted: dict[str, Any]) -> None:
        """Remove what `noted` returned."""
        for one in noted["capabilities"]:
            self._remove(one)
            rest = [name for name in one["Namespaces"] if name.lower() not in noted["taken"]]
            if rest:
                self._load(self.interop(), _capability({**one, "Namespaces": rest}))
        for namespace, classes in noted["classes"].items():
            for name, _ in reversed(classes):
                self._tools.run("cimcli", "dc", name, "-n", namespace, tolerated=_ABSENT)

    def give_back(self, noted: dict[str, Any]) -> None:
        """Restore what `take_over` removed."""
        for namespace, classes in noted["classes"].items():
            self._load(namespace, "\n".join(text for _, text in classes))
        for one in noted["capabilities"]:
            self._remove(one)
            self._load(self.interop(), _capability(one))

    def _registration(self, plans: Iterable[NamespacePlan], version: str) -> str:
        namespaces: dict[str, list[str]] = {}
        kinds: dict[str, tuple[str, ...]] = {}
        for plan in plans:
            for provided in plan.provided:
                namespaces.setdefault(provided.class_name, []).append(plan.name)
                kinds[provided.class_name] = tuple(str(kind.value[0]) for kind in provided.kinds)
        capabilities = [
            {
                "ProviderModuleName": MODULE,
                "ProviderName": MODULE,
                "CapabilityID": str(number),
                "ClassName": name,
                "Namespaces": namespaces[name],
                "ProviderType": list(kinds[name]),
            }
            for number, name in enumerate(sorted(namespaces), 1)
        ]
        knows_users = self.namespace(self.interop()).has("PG_ProviderModule", "UserContext")
        module = _MODULE.format(version=version, user="\n  UserContext = 5;" if knows_users else "")
        return "\n".join([module, *map(_capability, capabilities)])

    def _capabilities(self) -> list[dict[str, Any]]:
        found = self._query("ei", "PG_ProviderCapabilities", self.interop()) or []
        return [_properties(element) for element in found]

    def _remove(self, capability: dict[str, Any]) -> None:
        self._tools.run("cimcli", "di", _path_of(capability), "-n", self.interop(), tolerated=_ABSENT)

    def _load(self, namespace: str, text: str) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".mof", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            # Some of the DMTF's classes that we build on are experimental.
            self._tools.run("cimmof", "-w", "-aE", "-n", namespace, file.name)

    def _query(self, command: str, name: str, namespace: str, *flags: str) -> list[Any] | None:
        """Return what a command answers in XML, None where there is no such thing."""
        arguments = [command, *([name] if name else []), "-n", namespace, *flags, "-o", "xml"]
        text = self._tools.run("cimcli", *arguments, tolerated=_ABSENT)
        if text is None:
            return None
        return [etree.fromstring(found[0].encode(), _PARSER) for found in _ELEMENT.finditer(text)]

    def _setting(self, name: str) -> str:
        said = self._tools.run("cimconfig", "-g", name) or ""
        return said.partition(":")[2].strip()

    def _path(self, setting: str) -> Path:
        return under(self.root, self._setting(setting), self._home)


def _class(element: Any) -> TheirClass:  # noqa: ANN401 - lxml has no types
    own = [child.get("NAME", "").lower() for child in element if child.tag.startswith(("PROPERTY", "METHOD"))]
    return TheirClass(element.get("NAME"), element.get("SUPERCLASS"), frozenset(own))


def _properties(element: Any) -> dict[str, Any]:  # noqa: ANN401 - lxml has no types
    """Return an instance's properties that have values."""
    found: dict[str, Any] = {}
    for child in element:
        values = [value.text or "" for value in child.iter("VALUE")]
        if child.tag == "PROPERTY.ARRAY" and values:
            found[child.get("NAME")] = values
        elif child.tag == "PROPERTY" and values:
            found[child.get("NAME")] = values[0]
    return found


def _is_in(capability: dict[str, Any], namespace: str) -> bool:
    return namespace.lower() in {one.lower() for one in capability.get("Namespaces", ())}


def _path_of(capability: dict[str, Any]) -> str:
    keys = ("CapabilityID", "ProviderModuleName", "ProviderName")
    return "PG_ProviderCapabilities." + ",".join(f"{key}={_quoted(capability[key])}" for key in keys)


def _capability(capability: dict[str, Any]) -> str:
    lines = []
    for name, value in capability.items():
        if name == "ProviderType":
            lines.append(f"  {name} = {{{', '.join(value)}}};")
        elif isinstance(value, list):
            lines.append(f"  {name} = {{{', '.join(map(_quoted, value))}}};")
        else:
            lines.append(f"  {name} = {_quoted(value)};")
    return "\n".join(["instance of PG_ProviderCapabilities {", *lines, "};", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
