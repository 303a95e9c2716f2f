"""libvirt's network XML as records, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml.network_xml import changed_xml, network, network_xml
from xencim.providers.backends.records import Bandwidth, HostAddress, Network, StaticLease

FULL = """<network><name>lan</name><uuid>u</uuid><forward dev='eth0' mode='route'/>
<bridge name='virbr5' stp='on' delay='0'/><mtu size='1400'/><domain name='example.org' localOnly='yes'/>
<dns><host ip='10.0.0.7'><hostname>db</hostname></host></dns>
<bandwidth><inbound average='100' peak='200' burst='300'/></bandwidth>
<ip family='ipv6' address='fd00::1' prefix='64'><dhcp><range start='fd00::2' end='fd00::9'/>
<host id='0:1' name='six' ip='fd00::5'/></dhcp></ip>
<ip address='10.0.0.1' netmask='255.255.240.0' localPtr='yes'><dhcp>
<range start='10.0.0.2' end='10.0.0.9'><lease expiry='1' unit='hours'/></range>
<range start='10.0.0.20' end='10.0.0.29'/>
<host mac='52:54:00:00:00:0A' name='a' ip='10.0.0.5'/></dhcp></ip></network>"""
SIX = HostAddress(
    address="fd00::1",
    prefix=64,
    ranges=(("fd00::2", "fd00::9"),),
    leases=(StaticLease(address="fd00::5", name="six", client_id="0:1"),),
)
FOUR = HostAddress(
    address="10.0.0.1",
    prefix=20,
    ranges=(("10.0.0.2", "10.0.0.9"), ("10.0.0.20", "10.0.0.29")),
    leases=(StaticLease(address="10.0.0.5", mac="52:54:00:00:00:0a", name="a"),),
)
LAN = Network(
    name="lan",
    uuid="u",
    active=True,
    autostart=True,
    bridge="virbr5",
    forward_mode="route",
    forward_dev="eth0",
    domain_name="example.org",
    mtu=1400,
    addresses=(SIX, FOUR),
    inbound=Bandwidth(average_kib_s=100, peak_kib_s=200, burst_kib=300),
)


def test_a_network_is_read() -> None:
    assert network(FULL, active=True, autostart=True) == LAN


def test_an_isolated_network_and_one_whose_forward_has_no_mode() -> None:
    bare = network("<network><name>n</name><uuid>u</uuid></network>", active=False)
    assert bare == Network(name="n", uuid="u", active=False)
    assert network("<network><forward/></network>", active=True).forward_mode == "nat"


@pytest.mark.parametrize(
    ("ip", "expected"),
    [
        ("<ip address='a' prefix='x'/>", (HostAddress(address="a"),)),
        ("<ip address='a' netmask='x'/>", (HostAddress(address="a"),)),
        ("<ip/>", ()),
        ("<ip address='a'><dhcp><range start='b'/><host mac='c'/></dhcp></ip>", (HostAddress(address="a"),)),
    ],
)
def test_what_makes_no_sense_is_as_good_as_absent(ip: str, expected: tuple[HostAddress, ...]) -> None:
    assert network(f"<network>{ip}</network>", active=True).addresses == expected


def test_a_wanted_network() -> None:
    wanted = Network(
        name="new",
        uuid="",
        active=False,
        bridge="br0",
        forward_mode="bridge",
        port_type="openvswitch",
        vlan_ids=(5, 6),
        addresses=(FOUR,),
    )
    assert network_xml(wanted) == (
        '<network><name>new</name><forward mode="bridge"/><bridge name="br0"/>'
        '<virtualport type="openvswitch"/><vlan trunk="yes"><tag id="5"/><tag id="6"/></vlan>'
        '<ip family="ipv4" address="10.0.0.1" prefix="20"><dhcp><range start="10.0.0.2" end="10.0.0.9"/>'
        '<range start="10.0.0.20" end="10.0.0.29"/>'
        '<host mac="52:54:00:00:00:0a" name="a" ip="10.0.0.5"/></dhcp></ip></network>'
    )
    assert network_xml(Network(name="<a>", uuid="", active=False)) == (
        "<network><name>&lt;a&gt;</name></network>"
    )


def test_what_is_not_changed_stays_with_all_that_no_record_tells() -> None:
    added = StaticLease(address="10.0.0.6", mac="52:54:00:00:00:0b")
    four = HostAddress(address="10.0.0.1", prefix=20, ranges=FOUR.ranges[:1], leases=(*FOUR.leases, added))
    wanted = Network(
        name="lan",
        uuid="u",
        active=False,
        bridge="virbr5",
        forward_mode="nat",
        domain_name="example.net",
        addresses=(four,),
        outbound=Bandwidth(average_kib_s=5),
    )
    changed = changed_xml(FULL, wanted)
    assert network(changed, active=False) == wanted
    kept = (
        "<dns><host ip='10.0.0.7'><hostname>db</hostname></host></dns>",
        "stp='on'",
        "localOnly='yes'",
        "localPtr='yes'",
        "<lease expiry='1' unit='hours'/>",
    )
    assert [text for text in kept if text.replace("'", '"') not in changed] == []
    assert "mtu" not in changed
    assert "inbound" not in changed


def test_a_text_that_xml_cannot_hold_is_refused() -> None:
    with pytest.raises(BackendError, match="character that XML cannot") as caught:
        network_xml(Network(name="a\x00", uuid="", active=False))
    assert caught.value.kind == "invalid"


WORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]),
    min_size=1,
)
LEASES = st.builds(StaticLease, address=WORDS, mac=st.none() | WORDS.map(str.lower), name=st.none() | WORDS)
ADDRESSES = st.builds(
    HostAddress,
    address=WORDS,
    prefix=st.integers(0, 128),
    ranges=st.lists(st.tuples(WORDS, WORDS), unique=True, max_size=2).map(tuple),
    leases=st.lists(LEASES, unique=True, max_size=2).map(tuple),
)
NETWORKS = st.builds(
    Network,
    name=WORDS,
    uuid=st.just(""),
    active=st.just(value=True),
    autostart=st.none(),
    persistent=st.just(value=True),
    bridge=st.none() | WORDS,
    forward_mode=st.sampled_from([None, "nat", "route", "bridge", "open"]),
    forward_dev=st.none(),
    port_type=st.none() | WORDS,
    domain_name=st.none() | WORDS,
    mtu=st.none() | st.integers(1),
    vlan_ids=st.lists(st.integers(1, 4094), max_size=3).map(tuple),
    addresses=st.lists(ADDRESSES, max_size=2, unique_by=lambda one: (one.address, one.prefix)).map(tuple),
    inbound=st.none() | st.builds(Bandwidth, average_kib_s=st.integers(1)),
    stored=st.none(),
)


@given(NETWORKS, NETWORKS)
def test_what_is_written_of_a_network_is_read_as_the_same(first: Network, second: Network) -> None:
    written = network_xml(first)
    assert network(written, active=True) == first
    assert network(changed_xml(written, second), active=True).addresses == second.addresses
