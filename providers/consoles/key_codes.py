"""Text as keys of a US keyboard, in Linux's key codes: a guest with another layout reads other characters.

Source: linux/input-event-codes.h.
Errors: ValueError, naming the character that no key makes.
"""

from __future__ import annotations

SHIFT, CONTROL, ALT, DELETE = 42, 29, 56, 111

_ROWS = (  # the first key's code, the row's keys, the same with shift
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (15, "\tqwertyuiop[]\n", "\tQWERTYUIOP{}\n"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
_KEYS: dict[str, tuple[int, ...]] = {
    character: (SHIFT, first + place) if shifted else (first + place,)
    for shifted in (True, False)  # a key that does the same with shift is pressed without
    for first, plain, upper in _ROWS
    for place, character in enumerate(upper if shifted else plain)
}


def keys_for(text: str) -> tuple[tuple[int, ...], ...]:
    """Return what is to be pressed together, one after the other."""
    missing = next((character for character in text if character not in _KEYS), None)
    if missing is not None:
        raise ValueError(f"{missing!r} is on no key of a US keyboard")
    return tuple(_KEYS[character] for character in text)
