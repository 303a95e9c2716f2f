"""The machine's own users and passwords, asked through PAM (service ``xencim``).

Source: pam_start(3), pam_conv(3), pam_authenticate(3), pam_acct_mgmt(3).
Errors: PamError when the library is not there or a transaction cannot be begun.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char_p, c_int, c_void_p
from typing import TYPE_CHECKING, Any

from xencim.cimom_glue.server.auth.accounts import system_groups

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)

_SUCCESS = 0
_CONVERSATION_FAILED = 19
_PROMPT_ECHO_OFF = 1
_PROMPT_ECHO_ON = 2
_SILENT = 0x8000
_DISALLOW_NULL_AUTHTOK = 0x0001


class PamError(Exception):
    """PAM cannot be asked."""


class _Message(Structure):
    _fields_ = (("style", c_int), ("text", c_char_p))


class _Response(Structure):
    _fields_ = (("text", c_void_p), ("code", c_int))


_Converse = CFUNCTYPE(c_int, c_int, POINTER(POINTER(_Message)), POINTER(POINTER(_Response)), c_void_p)


class _Conversation(Structure):
    _fields_ = (("converse", _Converse), ("data", c_void_p))


class PamAccounts:
    """The accounts of the machine."""

    def __init__(self, service: str = "xencim", *, config_dir: Path | None = None) -> None:
        self._service = service.encode()
        self._config_dir = str(config_dir).encode() if config_dir else None
        self._pam, self._libc = _libraries()

    def verify(self, name: str, password: str) -> frozenset[str] | None:
        """Return the user's groups; None when PAM does not let the user in."""
        if not name or "\0" in name + password:
            return None
        answer = password.encode()
        # The callback lives as long as the transaction: PAM holds only its address.
        conversation = _Conversation(
            _Converse(
                lambda count, messages, responses, _: self._converse(count, messages, responses, answer)
            ),
            None,
        )
        handle = c_void_p()
        status = self._start(name.encode(), conversation, handle)
        if status != _SUCCESS:
            raise PamError(f"pam_start of service {self._service.decode()} returned {status}")
        try:
            flags = _SILENT | _DISALLOW_NULL_AUTHTOK
            for step in (self._pam.pam_authenticate, self._pam.pam_acct_mgmt):
                status = step(handle, flags)
                if status != _SUCCESS:
                    return None
            return system_groups(name)
        finally:
            self._pam.pam_end(handle, status)

    def groups(self, name: str) -> frozenset[str]:
        """Return the machine's groups of a user."""
        return system_groups(name)

    def version(self) -> object:
        """Return the same always: PAM does not tell when accounts change."""
        return None

    def _start(self, name: bytes, conversation: _Conversation, handle: c_void_p) -> int:
        if self._config_dir is None:
            return int(self._pam.pam_start(self._service, name, byref(conversation), byref(handle)))
        return int(
            self._pam.pam_start_confdir(
                self._service, name, byref(conversation), self._config_dir, byref(handle)
            )
        )

    def _converse(self, count: int, messages: Any, responses: Any, answer: bytes) -> int:  # noqa: ANN401 - ctypes
        # PAM frees the answers with free(): they must come from the C library.
        array = self._libc.calloc(count, ctypes.sizeof(_Response))
        if not array:
            return _CONVERSATION_FAILED
        responses[0] = ctypes.cast(array, POINTER(_Response))
        for index in range(count):
            if messages[index].contents.style in {_PROMPT_ECHO_OFF, _PROMPT_ECHO_ON}:
                responses[0][index].text = self._libc.strdup(answer)
        return _SUCCESS


def _libraries() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    name = ctypes.util.find_library("pam")
    if name is None:
        raise PamError("libpam is not installed (Debian: libpam0g)")
    pam, libc = ctypes.CDLL(name), ctypes.CDLL(None)
    for step in (pam.pam_authenticate, pam.pam_acct_mgmt, pam.pam_end):
        step.argtypes = (c_void_p, c_int)
    libc.calloc.argtypes, libc.calloc.restype = (ctypes.c_size_t, ctypes.c_size_t), c_void_p
    libc.strdup.argtypes, libc.strdup.restype = (c_char_p,), c_void_p
    return pam, libc
