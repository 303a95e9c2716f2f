"""What the tests talk to in dom0: one JSON line a connection, a command, answered by what it gave.

It listens on every address because QEMU forwards to the network card's; the token, which only the run that
started this host knows, is on the kernel's command line.
"""

from __future__ import annotations

import hmac
import json
import re
import socketserver
import subprocess
from pathlib import Path

PORT = 7000
TOKEN = re.findall(r"\bagent_token=(\w+)", Path("/proc/cmdline").read_text())


class Agent(socketserver.StreamRequestHandler):
    """Runs one command in a shell."""

    def handle(self) -> None:
        """Read the request, answer exit status and output."""
        request = json.loads(self.rfile.readline())
        if not TOKEN or not hmac.compare_digest(request["token"], TOKEN[0]):
            return
        try:
            done = subprocess.run(
                ["bash", "-c", request["command"]],
                check=False,
                capture_output=True,
                input=request["input"],
                text=True,
                timeout=request["within_s"],
            )
            answer = {"status": done.returncode, "out": done.stdout, "err": done.stderr}
        except subprocess.TimeoutExpired as error:
            answer = {"status": -1, "out": "", "err": str(error)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


class Server(socketserver.ThreadingTCPServer):
    """One thread a connection."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("", PORT), Agent) as server:
        server.serve_forever()
