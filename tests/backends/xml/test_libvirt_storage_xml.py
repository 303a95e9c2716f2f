"""Storage volumes as records, and wanted pools and volumes as libvirt's XML."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xencim.providers.backends.base import BackendError
from xencim.providers.backends.libvirt.xml import resource_xml, storage_xml
from xencim.providers.backends.records import PoolState, StoragePool, Volume

POOL = StoragePool(name="p", uuid="", type="dir", state=PoolState.RUNNING)
# What XML can hold and stays as it is when spaces around it are cut.
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=0xD7FF, exclude_characters="\x7f"), min_size=1)
WORDS = TEXTS.filter(lambda text: text == text.strip())
SIZES = st.none() | st.integers(0, 2**63 - 1)


def test_a_volume_with_everything() -> None:
    xml = """<volume type='file'><name>top.qcow2</name><key>/p/top.qcow2</key>
    <capacity unit='bytes'>1073741824</capacity><allocation unit='KiB'>4</allocation>
    <physical unit='bytes'>196616</physical>
    <target><path>/p/top.qcow2</path><format type='qcow2'/><compat>1.1</compat></target>
    <backingStore><path>/p/base.img</path><format type='raw'/></backingStore></volume>"""
    assert storage_xml.volume(xml, "p") == Volume(
        pool="p",
        name="top.qcow2",
        type="file",
        path="/p/top.qcow2",
        capacity_bytes=1073741824,
        allocation_bytes=4096,
        physical_bytes=196616,
        format="qcow2",
        backing_path="/p/base.img",
        backing_format="raw",
    )


def test_a_volume_of_which_nothing_is_known() -> None:
    bare = storage_xml.volume("<volume type='block'><name>lv</name><backingStore/></volume>", "vg")
    assert bare == Volume(pool="vg", name="lv", type="block")
    with pytest.raises(BackendError, match="gave a <pool> instead of a <volume>"):
        storage_xml.volume("<pool/>", "p")


@pytest.mark.parametrize(
    ("pool", "xml"),
    [
        (
            replace(POOL, target_path="/p & q"),
            '<pool type="dir"><name>p</name><source/><target><path>/p &amp; q</path></target></pool>',
        ),
        (
            replace(POOL, type="netfs", source_host="nas", source_path="/x", target_path="/p"),
            (
                '<pool type="netfs"><name>p</name><source><host name="nas"/><dir path="/x"/></source>'
                "<target><path>/p</path></target></pool>"
            ),
        ),
        (
            replace(POOL, type="logical", source_devices=("/dev/a", "/dev/b"), source_name="vg"),
            (
                '<pool type="logical"><name>p</name><source><device path="/dev/a"/><device path="/dev/b"/>'
                "<name>vg</name></source></pool>"
            ),
        ),
        (
            replace(POOL, type="scsi", source_adapter="host1"),
            (
                '<pool type="scsi"><name>p</name><source><adapter type="scsi_host" name="host1"/></source>'
                "</pool>"
            ),
        ),
        (
            replace(POOL, type="scsi", source_adapter="host1", source_port="21", source_node="20"),
            (
                '<pool type="scsi"><name>p</name><source><adapter type="fc_host" wwnn="20" wwpn="21" '
                'parent="host1"/></source></pool>'
            ),
        ),
    ],
)
def test_a_wanted_pool(pool: StoragePool, xml: str) -> None:
    assert storage_xml.pool_xml(pool) == xml
    assert resource_xml.storage_pool(xml, state=PoolState.RUNNING) == pool


def test_sources_of_pools() -> None:
    xml = """<sources><source><device path='/dev/a'/><device/><name>vg1</name><format type='lvm2'/></source>
    <source><host name='nas'/><dir path='/x'/><format type='nfs'/></source></sources>"""
    found = replace(POOL, name="", type="t", state=PoolState.INACTIVE)
    assert storage_xml.pool_sources(xml, "t") == [
        replace(found, source_devices=("/dev/a",), source_name="vg1"),
        replace(found, source_host="nas", source_path="/x"),
    ]
    assert storage_xml.pool_sources("<sources/>", "t") == []
    assert storage_xml.source_xml(None) is None
    assert storage_xml.source_xml("a&b") == '<source><host name="a&amp;b"/></source>'


def test_a_wanted_volume() -> None:
    wanted = Volume(
        pool="p",
        name="<a>",
        path="/ignored",
        capacity_bytes=2,
        allocation_bytes=0,
        format="qcow2",
        backing_path="/b",
        backing_format="raw",
    )
    assert storage_xml.volume_xml(wanted) == (
        '<volume><name>&lt;a&gt;</name><capacity unit="bytes">2</capacity><allocation unit="bytes">0'
        '</allocation><target><format type="qcow2"/></target><backingStore><path>/b</path>'
        '<format type="raw"/></backingStore></volume>'
    )


@given(WORDS, SIZES, SIZES, st.none() | st.sampled_from(["raw", "qcow2"]), st.none() | WORDS)
def test_what_is_written_of_a_volume_is_read_as_the_same(
    name: str, capacity: int | None, allocation: int | None, form: str | None, backing: str | None
) -> None:
    wanted = Volume(
        pool="p",
        name=name,
        capacity_bytes=capacity,
        allocation_bytes=allocation,
        format=form,
        backing_path=backing,
        backing_format="raw" if backing else None,
    )
    assert storage_xml.volume(storage_xml.volume_xml(wanted), "p") == wanted
