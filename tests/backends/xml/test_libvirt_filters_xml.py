"""Network filters as libvirt writes them."""

from __future__ import annotations

import pytest

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.filter_xml import network_filter
from xencim.providers.backends.records import Condition, FilterRule, NetworkFilter


def test_a_filter_with_rules_and_references() -> None:
    xml = """<filter name='odd:1' chain='ipv4-mine' priority='-710'><uuid>u</uuid>
    <rule action='accept' direction='in' priority='-10' statematch='false'>
      <tcp srcipaddr='10.1.2.0' srcipmask='24' comment='web'/></rule>
    <filterref filter='b'><parameter name='IP' value='10.0.0.1'/></filterref>
    <!-- twice --><filterref filter='a'/><filterref filter='b'/><filterref/>
    <rule action='drop' direction='inout'><!-- nothing else --></rule>
    <rule action='drop' direction='out'><mac match='no' srcmacaddr='$MAC'/><mac match='yes' vlan='7'/></rule>
    </filter>"""
    assert network_filter(xml) == NetworkFilter(
        name="odd:1",
        uuid="u",
        chain="ipv4-mine",
        priority=-710,
        references=("b", "a"),
        rules=(
            FilterRule(
                index=0,
                action="accept",
                direction="in",
                priority=-10,
                protocol="tcp",
                conditions=(
                    Condition(name="srcipaddr", value="10.1.2.0"),
                    Condition(name="srcipmask", value="24"),
                ),
                comment="web",
                tracks_connections=False,
            ),
            FilterRule(index=1, action="drop", direction="inout", priority=500),
            FilterRule(
                index=2,
                action="drop",
                direction="out",
                priority=500,
                protocol="mac",
                conditions=(
                    Condition(name="srcmacaddr", value="$MAC", negated=True),
                    Condition(name="vlan", value="7"),
                ),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("attributes", "priority"),
    [
        ("", 0),
        ("chain='root'", 0),
        ("chain='arp'", -500),
        ("chain='arp-mine'", -500),
        ("chain='ipv6' priority='x'", -600),
        ("chain='stp' priority='5'", 5),
    ],
)
def test_a_chain_has_a_priority_of_its_own(attributes: str, priority: int) -> None:
    assert network_filter(f"<filter name='f' {attributes}><uuid>u</uuid></filter>").priority == priority


@pytest.mark.parametrize("xml", ["<filter", "<network/>", "<filter/>", "<filter name='f'/>"])
def test_what_is_no_filter(xml: str) -> None:
    with pytest.raises(BackendError) as caught:
        network_filter(xml)
    assert caught.value.kind == "failed"
