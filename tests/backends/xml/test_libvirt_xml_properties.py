"""Whatever a hypervisor sends, its XML gives a record or a BackendError, never anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import host_xml, network_xml, resource_xml
from xencim.providers.backends.libvirt.xml.machine_xml import machine_config
from xencim.providers.backends.records import MachineConfig, PoolState

if TYPE_CHECKING:
    from collections.abc import Mapping

VALUES = st.one_of(
    st.sampled_from(["", "0", "-1", "99999999999999999999", "1e9", "yes", "vda", "0-3", "x" * 50, "٣"]),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="￾￿")),
)
NAMES = st.sampled_from(
    """
    devices disk source target driver interface mac vlan tag bandwidth inbound graphics listen video
    model input console serial controller vcpu vcpus cputune vcpupin shares period quota memory
    currentMemory memoryBacking hugepages page os type loader firmware feature boot features acpi cpu
    clock host guest arch machine domain forward bridge ip dhcp range capacity allocation name uuid
    """.split()  # noqa: SIM905 - words are read more easily than a list of strings
)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(
        """
        type device dev bus file name pool volume address port index unit current cpuset vcpu id policy
        enabled mode prefix family service host maxCpus autoport average size
        """.split()  # noqa: SIM905 - the same
    ),
    VALUES,
    max_size=4,
)


def element(
    name: str, attributes: Mapping[str, str], text: str, children: list[etree._Element]
) -> etree._Element:
    made = etree.Element(name, dict(attributes))
    made.text = text
    made.extend(children)
    return made


ELEMENTS = st.recursive(
    st.builds(element, NAMES, ATTRIBUTES, VALUES, st.just([])),
    lambda inner: st.builds(element, NAMES, ATTRIBUTES, VALUES, st.lists(inner, max_size=4)),
    max_leaves=25,
)


@settings(max_examples=200, deadline=None)
@given(st.builds(element, st.just("domain"), ATTRIBUTES, VALUES, st.lists(ELEMENTS, max_size=6)))
def test_any_domain_is_a_record(domain: etree._Element) -> None:
    config = machine_config(etree.tostring(domain, encoding="unicode"))
    assert isinstance(config, MachineConfig)
    assert len({disk.target for disk in config.disks}) == len(config.disks)
    assert len({(c.type, c.index) for c in config.controllers}) == len(config.controllers)
    assert hash(config) is not None


@settings(max_examples=100, deadline=None)
@given(st.lists(ELEMENTS, max_size=6))
def test_any_pool_network_and_capabilities_are_records(children: list[etree._Element]) -> None:
    def told(root: str) -> str:
        made = etree.Element(root)
        made.extend(children)
        return etree.tostring(made, encoding="unicode")

    resource_xml.storage_pool(told("pool"), state=PoolState.RUNNING)
    network_xml.network(told("network"), active=True)
    host_xml.capabilities(told("capabilities"))
    host_xml.system_info(told("sysinfo"))


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.text("<>&;/='\"!-[]domain \x00\ud800")))
def test_any_text_is_a_record_or_an_error(text: str) -> None:
    try:
        machine_config(text)
    except BackendError as error:
        assert error.kind == "failed"  # noqa: PT017 - either outcome is right
