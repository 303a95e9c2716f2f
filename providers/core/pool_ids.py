"""The InstanceIDs of resource pools: ``MemoryPool/0``, ``DiskPool/images``, ``NetworkPool/default``.

The primordial pool of a kind is ``<kind>Pool/0``. A concrete pool that is itself called 0 is
``=0`` (and one called =0 is ``==0``). A host bridge is ``NetworkPool/bridge/<name>``: networks
and bridges are named independently, and a network's name holds no slash.
"""

from __future__ import annotations

from xencim.providers.backends.records import Bridge, CpuPool, Network, StoragePool

PoolSource = StoragePool | Network | Bridge | CpuPool | None
"""What a pool is made from; None is the primordial pool of its kind."""

_BRIDGE = "bridge/"


def pool_id(kind: str, source: PoolSource = None) -> str:
    """Return the InstanceID (and PoolID) of a pool; ``kind`` is Processor, Memory, Disk, Network, …."""
    if source is None:
        return f"{kind}Pool/0"
    if isinstance(source, Bridge):
        return f"{kind}Pool/{_BRIDGE}{source.name}"
    return concrete_pool_id(kind, source.name)


def concrete_pool_id(kind: str, name: str) -> str:
    """Return the InstanceID of a pool that is no bridge by its name."""
    escape = "=" if name.lstrip("=") == "0" else ""
    return f"{kind}Pool/{escape}{name}"


def pool_name(kind: str, instance_id: str) -> tuple[type[Bridge] | None, str | None]:
    """Return what a pool's InstanceID names: whether a bridge, and its name (None: the primordial pool).

    LookupError when it is no InstanceID of that kind.
    """
    start = f"{kind}Pool/"
    if not instance_id.startswith(start):
        raise LookupError(instance_id)
    name = instance_id.removeprefix(start)
    if name == "0":
        return None, None
    if name.startswith(_BRIDGE):
        return Bridge, name.removeprefix(_BRIDGE)
    return None, name.removeprefix("=") if name.lstrip("=") == "0" else name
