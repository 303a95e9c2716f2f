"""Quantities of bytes in the units that clients name.

Source: DSP0004 3.0, annex C.1 (programmatic units: ``byte * 2^20``); libvirt-cim's own words (Bytes,
KiloBytes, MegaBytes, GigaBytes: powers of 1024).
Errors: ValueError, naming the unit.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xencim.providers.management.given import Given

KIB = 1024
_WORDS = {"byte": 1, "kilobyte": KIB, "megabyte": KIB**2, "gigabyte": KIB**3, "terabyte": KIB**4}
_PER_SECOND = re.compile(r"\s*(?:/|\bper\b)\s*second\s*\Z")
_PRODUCT = re.compile(r"(byte|bit)s?((?:\s*\*\s*\d{1,4}(?:\s*\^\s*\d{1,2})?)*)\Z", re.ASCII)
_FACTOR = re.compile(r"(\d+)(?:\s*\^\s*(\d+))?", re.ASCII)
_BITS_IN_BYTE = 8
# Longer than any unit; many factors would make a huge number.
_MAX_UNIT_LENGTH = 64


def bytes_in(unit: str) -> Fraction:
    """Return how many bytes (per second, if it says so) a unit is."""
    text = _PER_SECOND.sub("", unit.strip().lower())
    if text.removesuffix("s") in _WORDS:
        return Fraction(_WORDS[text.removesuffix("s")])
    product = _PRODUCT.match(text) if len(text) <= _MAX_UNIT_LENGTH else None
    if product is None:
        raise ValueError(
            f"{unit[:_MAX_UNIT_LENGTH]!r} is no unit of bytes, such as 'byte * 2^20' or 'MegaBytes'"
        )
    size = Fraction(1, _BITS_IN_BYTE if product[1] == "bit" else 1)
    for base, exponent in _FACTOR.findall(product[2]):
        size *= int(base) ** int(exponent or 1)
    return size


def in_unit(asked: Given, present_unit: str, names: dict[str, str], own_bytes: int) -> Given:
    """Return what is given with its quantities counted in units of ``own_bytes``.

    ``names`` are the quantities, each with the property that names its unit; where that is not given,
    AllocationUnits holds for it, and then ``present_unit``.
    """
    values = {}
    for name, unit_name in names.items():
        value = asked.number(name)
        if value is None:
            continue
        # CIM_ResourceAllocationSettingData declares "count" as the default of VirtualQuantityUnits.
        own = asked.text(unit_name)
        unit = own if own and own.lower() != "count" else asked.text("AllocationUnits") or present_unit
        try:
            quantity = value * bytes_in(unit) / own_bytes
        except ValueError as error:
            raise asked.refusal(unit_name, str(error)) from error
        if quantity.denominator != 1:
            raise asked.refusal(name, f"{value} of {unit!r} is no multiple of {own_bytes} bytes")
        values[name] = int(quantity)
    return asked.without({"AllocationUnits", "VirtualQuantityUnits"}, **values)
