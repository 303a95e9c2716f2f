"""The class model of a server: compiled once, kept on disk, and given the prefixes it is served under.

Without a schema of the user's own, the classes are the packaged part of the DMTF schema and ours; with
one, the DMTF classes are the user's, and of the packaged ones only those that are absent there.

Source: DSP0004 2.8; the Xen_ prefix stands for the prefix of a namespace (KVM_, LXC_, …) in our MOF.
Errors: SchemaError.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from xencim import __version__
from xencim.mof import cache, sources
from xencim.mof.declarations import SchemaError
from xencim.mof.model import ClassRepository
from xencim.mof.prefix import is_ours, with_prefixes
from xencim.mof.resolve import check_references, resolve

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator, Mapping

    from xencim.mof.declarations import Declarations

__all__ = ["Schema", "SchemaError", "load", "with_prefixes"]


@dataclass(frozen=True, slots=True)
class Schema:
    """The compiled classes, our own with the prefix ``Xen_``.

    ``version`` is the DMTF schema's; ``taken_from_ours`` names the DMTF classes absent in the user's.
    """

    repository: ClassRepository
    version: str
    taken_from_ours: tuple[str, ...] = ()


def load(schema: pathlib.Path | None = None, cache_dir: pathlib.Path | None = None) -> Schema:
    """Return the class model, with the DMTF schema of a folder or ZIP archive where one is given.

    The compiled form is kept in ``cache_dir``, where there is one.
    """
    packaged, ours = sources.packaged_schema(), sources.packaged_classes()
    given = sources.given_schema(schema) if schema else sources.MofFiles({}, packaged.version)
    key = sources.digest(__version__, *_parts(packaged.texts), *_parts(ours), *_parts(given.texts))
    declared = cache.read(cache_dir, key) if cache_dir else None
    try:
        if declared is None:
            declared = _compile(packaged.texts | ours, given.texts)
            if cache_dir:
                cache.write(cache_dir, key, declared)
        classes = resolve(declared.classes)
    except SchemaError as error:
        raise SchemaError(f"{schema or 'the packaged schema'}: {error}") from error
    return Schema(
        repository=ClassRepository(classes.values(), declared.qualifiers.values()),
        version=given.version,
        taken_from_ours=tuple(declared.classes[n].name for n in declared.supplied if not is_ours(n)),
    )


def _parts(texts: Mapping[str, str]) -> Iterator[str]:
    return chain.from_iterable(texts.items())


def _compile(ours: dict[str, str], given: dict[str, str]) -> Declarations:
    # pywbem takes as long to import as a cached schema takes to load.
    from xencim.mof.compiler import compile_mof  # noqa: PLC0415 - see above

    declared = compile_mof(ours)
    if given:
        # Other providers' classes may share our prefix (libvirt-cim's do): under it, ours are meant.
        theirs = compile_mof(given)
        theirs.classes = {name: decl for name, decl in theirs.classes.items() if not is_ours(name)}
        declared = theirs.supplied_from(declared)
    check_references(declared.classes)
    return declared
