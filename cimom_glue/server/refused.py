"""A request that is answered by HTTP itself, without reaching CIM.

Source: RFC 9110, section 15 (the status codes); DSP0200 1.4, section 7.3 (their use).
"""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it names what happened to the request, as the replies do
    """The request is answered with an HTTP status and a line of text."""

    def __init__(self, status: int, text: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.text = text
        self.headers = headers


class ClientGone(ConnectionError):  # noqa: N818 - an event, seldom an error
    """The client closed its connection before it had its reply."""
