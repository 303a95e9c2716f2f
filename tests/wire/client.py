"""pywbem's own client in front of the codec, without a socket: what it sends and how it reads replies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pywbem
import requests
from requests.adapters import BaseAdapter

from xencim.cimom_glue.wire import CONTENT_TYPE, Encoder, Message, decode
from xencim.providers.core.errors import CimError

if TYPE_CHECKING:
    from xencim.providers.core.results import Result


class Peer(BaseAdapter):
    """Answers each request with ``result``; remembers messages and replies."""

    def __init__(self) -> None:
        super().__init__()
        self.result: Result | CimError
        self.messages: list[Message] = []
        self.replies: list[bytes] = []
        self.encoder = Encoder()
        self.connection = pywbem.WBEMConnection("http://peer", default_namespace="root/virt")
        self.connection.session.mount("http://peer", self)

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401
        body = request.body if isinstance(request.body, bytes) else str(request.body).encode()
        message = decode(body, {name.lower(): str(value) for name, value in request.headers.items()})
        assert not isinstance(message.operation, CimError), message.operation
        if isinstance(self.result, CimError):
            reply = self.encoder.error(message, self.result)
        else:
            reply = b"".join(self.encoder.reply(message, self.result))
        self.messages.append(message)
        self.replies.append(reply)
        response = requests.Response()
        response.status_code = 200
        response._content = reply
        response.headers.update({"Content-Type": CONTENT_TYPE, "CIMOperation": "MethodResponse"})
        response.request = request
        return response

    def close(self) -> None:
        """Nothing is open."""
