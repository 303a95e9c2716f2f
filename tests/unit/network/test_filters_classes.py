"""Network filters as classes: what each rule tells, and what is joined with what."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from xencim.mof.repository import load
from xencim.mof.values import Path
from xencim.providers.assembly import Placement, assemble
from xencim.providers.backends.fake import FakeBackend
from xencim.providers.backends.records import Condition, FilterRule, NetworkFilter
from xencim.providers.core import operations as op
from xencim.providers.core.access import AccessPolicy, Principal
from xencim.providers.core.errors import CimError, Status
from xencim.providers.core.results import Instances, Paths
from xencim.providers.network.filters.protocols import (
    Headers,
    address,
    ether_type,
    headers_of,
    ip_protocol,
    ip_version,
    mac,
    mask,
    number,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xencim.mof.values import Value
    from xencim.providers.assembly import World

VIRT = "root/virt"
ROOT = Principal("root")


def rule(protocol: str | None, *conditions: str, index: int = 0) -> FilterRule:
    """Make a rule; a condition is ``name=value`` or ``name!=value``."""
    made = []
    for one in conditions:
        name, _, value = one.partition("=")
        made.append(Condition(name=name.rstrip("!"), value=value, negated=name.endswith("!")))
    return FilterRule(
        index=index, action="drop", direction="in", priority=7, protocol=protocol, conditions=tuple(made)
    )


@contextmanager
def kvm_host(*filters: NetworkFilter) -> Iterator[World]:
    world = asyncio.run(
        assemble(
            load().repository,
            [Placement(FakeBackend(2, prefix="KVM"))],
            AccessPolicy(),
            version="0.0.0",
        )
    )
    for network_filter in filters:
        world.sites[0].inventory.put(network_filter)
    yield world
    asyncio.run(world.stop())


def told(world: World, class_name: str) -> dict[str, dict[str, Value]]:
    """Return what is filled of each instance of a class, by Name."""
    result = asyncio.run(
        world.engine.execute(op.EnumerateInstances(namespace=VIRT, class_name=class_name), ROOT)
    )
    assert isinstance(result, Instances)
    found: dict[str, dict[str, Value]] = {}
    for batch in result.batches:
        for row in batch.rows:
            values = {p.decl.name: batch.served.value(row, p.decl.name) for p in batch.served.properties}
            found[str(values["Name"])] = {k: v for k, v in values.items() if v is not None}
    return found


def names(world: World, request: op.Operation) -> list[str]:
    """Return the last key of each path of an answer."""
    result = asyncio.run(world.engine.execute(request, ROOT))
    assert isinstance(result, Paths)
    paths = [batch.served.path(row) for batch in result.batches for row in batch.rows]
    return [str(path.key("Name") or path.key("DeviceID")) for path in paths]


def list_path(name: str) -> Path:
    return Path(
        "KVM_FilterList",
        (
            ("SystemCreationClassName", "KVM_HostSystem"),
            ("SystemName", "fake.example"),
            ("CreationClassName", "KVM_FilterList"),
            ("Name", name),
        ),
    )


def test_a_list_tells_its_chain_and_priority() -> None:
    with kvm_host() as world:
        lists = told(world, "KVM_FilterList")
    assert list(lists) == ["no-spoofing", "clean"]
    clean = lists["no-spoofing"]
    assert (clean["Chain"], clean["Priority"], clean["Direction"]) == ("ipv4", -700, 0)
    assert clean["InstanceID"] == "b009bd88-3749-5022-a44e-8d4078bfd9e3"


def test_each_rule_is_an_instance_of_the_class_of_its_headers() -> None:
    with kvm_host() as world:
        assert list(told(world, "KVM_FilterEntry")) == ["no-spoofing:2"]
        assert list(told(world, "KVM_Hdr8021Filter")) == ["clean:0", "clean:1"]
        assert list(told(world, "KVM_IPHeadersFilter")) == ["no-spoofing:0", "no-spoofing:1", "clean:2"]
        assert len(told(world, "CIM_FilterEntryBase")) == 6


def test_a_rule_about_frames() -> None:
    with kvm_host() as world:
        frame = told(world, "KVM_Hdr8021Filter")["clean:1"]
    assert frame["Conditions"] == ("srcmacaddr=00:16:3e:00:00:00", "srcmacmask=ff:ff:ff:00:00:00")
    assert frame["HdrSrcMACAddr8021"] == (0, 0, 0, 10, 0x00, 0x16, 0x3E, 0, 0, 0)
    assert frame["HdrSrcMACMask8021"] == (0, 0, 0, 10, 255, 255, 255, 0, 0, 0)
    assert frame["HdrProtocolID8021"] == 0x0806
    assert "HdrDestMACAddr8021" not in frame
    assert (frame["Action"], frame["Direction"], frame["Priority"]) == (1, 2, -500)


def test_libvirtcim_6_variables_and_masks_are_whole() -> None:
    with kvm_host() as world:
        packets = told(world, "KVM_IPHeadersFilter")
    variable, masked = packets["no-spoofing:1"], packets["clean:2"]
    assert variable["Conditions"] == ("srcipaddr=$IP",)
    assert "HdrSrcAddress" not in variable
    assert (variable["HdrIPVersion"], masked["HdrProtocolID"], masked["HdrDestPortStart"]) == (4, 6, 25)
    assert masked["HdrDestAddress"] == (0, 0, 0, 8, 10, 0, 0, 0)
    assert masked["HdrDestMask"] == (0, 0, 0, 8, 255, 0, 0, 0)


def test_ranges_and_versions_of_ip() -> None:
    rules = (
        rule("udp-ipv6", "srcipfrom=fe80::1", "srcipto=fe80::9", "dscp=0x11", "dstportend=99"),
        rule("ipv6", "dstipaddr=2001:db8::", "dstipmask=32", "protocol=tcp", index=1),
        rule("ip", "srcipaddr=10.1.0.0", "srcipmask=255.255.0.0", "protocol=0x2f", index=2),
        rule("all", "srcipto=10.0.0.9", "srcipmask=8", index=3),
    )
    with kvm_host(NetworkFilter(name="a:b", uuid="u", rules=rules)) as world:
        found = told(world, "KVM_IPHeadersFilter")
    ranged, wide, masked, endless = (found[f"a:b:{index}"] for index in range(4))
    assert ranged["HdrSrcAddress"] == (0, 0, 0, 20, 0xFE, 0x80, *([0] * 13), 1)
    assert ranged["HdrSrcAddressEndOfRange"] == (0, 0, 0, 20, 0xFE, 0x80, *([0] * 13), 9)
    assert (ranged["HdrIPVersion"], ranged["HdrProtocolID"], ranged["HdrDSCP"]) == (6, 17, (17,))
    assert (ranged["HdrDestPortEnd"], "HdrSrcMask" in ranged) == (99, False)
    assert wide["HdrDestMask"] == (0, 0, 0, 20, 255, 255, 255, 255, *([0] * 12))
    assert (wide["HdrIPVersion"], wide["HdrProtocolID"]) == (6, 6)
    assert masked["HdrSrcMask"] == (0, 0, 0, 8, 255, 255, 0, 0)
    assert masked["HdrProtocolID"] == 47
    assert not {"HdrSrcAddressEndOfRange", "HdrSrcMask", "HdrProtocolID"} & endless.keys()


@pytest.mark.parametrize(
    ("protocol", "headers", "version"),
    [
        (None, Headers.ANY, None),
        ("mac", Headers.FRAME, None),
        ("stp", Headers.FRAME, None),
        ("ip", Headers.IP, 4),
        ("icmp", Headers.IP, 4),
        ("icmpv6", Headers.IP, 6),
        ("all-ipv6", Headers.IP, 6),
        ("tcp-ipv6", Headers.IP, 6),
        ("unheard-of", Headers.ANY, None),
    ],
)
def test_what_a_protocol_is_about(protocol: str | None, headers: Headers, version: int | None) -> None:
    assert headers_of(rule(protocol)) is headers
    assert ip_version(rule(protocol)) == version


def test_numbers_addresses_and_nonsense() -> None:
    assert [number(text, 255) for text in ("7", "0xff", "256", "-1", "$N", "", None)] == [
        *(7, 255),
        *[None] * 5,
    ]
    assert [address(text) for text in ("$IP[@1]", None, "10.0.0")] == [None] * 3
    assert [mac(text) for text in ("$MAC", None, "1:2:3", "1:2:3:4:5:100")] == [None] * 4
    assert mac("01:02:03:04:05:06") == (0, 0, 0, 10, 1, 2, 3, 4, 5, 6)
    assert [mask(text, rule("ip")) for text in ("33", "$M", None)] == [None] * 3
    assert mask("0", rule("tcp-ipv6")) == (0, 0, 0, 20, *([0] * 16))
    assert [ip_protocol(rule(name)) for name in ("all", "ip", "sctp", "ah-ipv6")] == [None, None, 132, 51]
    known = (rule("mac", "protocolid=ipv6"), rule("mac", "protocolid=0x835"), rule("vlan"), rule("stp"))
    assert [ether_type(one) for one in known] == [0x86DD, 0x835, 0x8100, None]


def test_negation_is_told_only_where_it_is_of_all() -> None:
    all_negated = rule("tcp", "srcipaddr!=10.0.0.1", "dstportstart!=22")
    mixed = rule("mac", "srcmacaddr!=$MAC", "dstmacaddr=ff:ff:ff:ff:ff:ff")
    assert (all_negated.is_negated, all_negated.value("srcipaddr")) == (True, "10.0.0.1")
    assert (mixed.is_negated, mixed.value("srcmacaddr")) == (False, None)
    assert mixed.value("dstmacaddr") == "ff:ff:ff:ff:ff:ff"
    assert [one.text for one in mixed.conditions] == ["srcmacaddr!=$MAC", "dstmacaddr=ff:ff:ff:ff:ff:ff"]
    assert rule(None).is_negated is False


def test_what_is_joined_with_a_list() -> None:
    with kvm_host() as world:

        def others(name: str, assoc: str, role: str | None = None) -> list[str]:
            request = op.AssociatorNames(
                namespace=VIRT, object_name=list_path(name), assoc_class=assoc, role=role
            )
            return sorted(names(world, request))

        assert others("clean", "KVM_HostedFilterList") == ["fake.example"]
        assert others("clean", "KVM_EntriesInFilterList") == ["clean:0", "clean:1", "clean:2"]
        assert others("clean", "KVM_NestedFilterList", "Antecedent") == ["no-spoofing"]
        assert others("no-spoofing", "KVM_NestedFilterList") == ["clean"]
        assert others("no-spoofing", "KVM_AppliedFilterList") == []
        assert others("clean", "KVM_AppliedFilterList") == [
            "vm-00000/00:16:3e:00:00:00",
            "vm-00001/00:16:3e:00:00:01",
        ]


def test_libvirtcim_12_a_rule_is_found_by_its_whole_name() -> None:
    rules = (rule(None), rule("mac", index=1))
    with kvm_host(NetworkFilter(name="a:1", uuid="u", rules=rules)) as world:

        def path(class_name: str, name: str) -> Path:
            keys = tuple(
                (key, class_name if key == "CreationClassName" else value)
                for key, value in list_path(name).keys
            )
            return Path(class_name, keys)

        def get(class_name: str, name: str) -> Status | None:
            request = op.GetInstance(namespace=VIRT, instance_name=path(class_name, name))
            try:
                asyncio.run(world.engine.execute(request, ROOT))
            except CimError as error:
                return error.status
            return None

        assert get("KVM_FilterEntry", "a:1:0") is None
        assert get("KVM_Hdr8021Filter", "a:1:1") is None
        assert {
            get("KVM_FilterEntry", wrong) for wrong in ("a:1:1", "a:1:2", "a:1:00", "a:1", "a:1:", "a", "b:0")
        } == {Status.NOT_FOUND}


def test_a_xen_host_has_no_filters() -> None:
    world = asyncio.run(
        assemble(load().repository, [Placement(FakeBackend(1))], AccessPolicy(), version="0.0.0")
    )
    assert told(world, "CIM_FilterList") == {}
    assert world.sites[0].inventory.view.all(NetworkFilter) == {}
    asyncio.run(world.stop())
