"""`xencim doctor`: what it finds right and wrong, beside a server and without one."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from xencim.cimom_glue.cli.doctor import server as doctor_server
from xencim.cimom_glue.cli.main import main
from xencim.cimom_glue.config import Config, load
from xencim.cimom_glue.server import CertificateInfo

if TYPE_CHECKING:
    from pathlib import Path

    from xencim.cimom_glue.wire import Message
    from xencim.providers.backends.base import Check

OFF = {"server.http": "off", "server.https": "off", "server.socket": "off"}


def configured(tmp_path: Path, **flags: str) -> Config:
    given: dict[str, str | list[str]] = {**OFF, "state_dir": str(tmp_path)}
    given.update({f"server.{name}": value for name, value in flags.items()})
    return load(given, environ={}).config


def addresses(config: Config) -> list[Check]:
    return asyncio.run(doctor_server.check_addresses(config))


@pytest.fixture
def arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "empty.toml").touch()
    monkeypatch.setenv("XENCIM_CONFIG", str(tmp_path / "empty.toml"))
    flags = ["--http", "off", "--https", "off", "--socket", "off"]
    return ["doctor", "--backend", "fake:2", "--state-dir", str(tmp_path / "state"), *flags]


def test_a_healthy_host_has_a_tick_on_every_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert lines[-1] == f"{len(lines) - 1} checks, nothing wrong"
    assert all(line.startswith("✔ ") for line in lines[:-1])
    assert any(line.startswith("✔ root/virt Xen_ComputerSystem: 2 instances, ") for line in lines)


def test_doctor_answers_in_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    names = [check["name"] for check in told["checks"]]
    assert names[:5] == ["configuration", "certificate", "accounts", "policy directory", "schema"]
    assert names[5:7] == ["hypervisor", "namespace"]
    assert len(names) == len(set(names))


def test_checks_of_several_hypervisors_are_told_apart(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--backend", "fake:3", "--json"]) == 0
    checks = {check["name"]: check["detail"] for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["fake:2 namespace"] == "root/virt holds host fake.example"
    assert checks["fake:3 namespace"] == "root/virt-2 holds host fake-2.example"


def test_a_hypervisor_that_cannot_be_reached_is_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments[arguments.index("fake:2")] = "vbox:///session"
    assert main(arguments) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "✘ hypervisor: vbox:///session is of no libvirt driver that is served" in lines
    assert lines[-1].endswith(" checks, 1 wrong")


def test_an_instance_that_is_left_out_makes_its_class_wrong(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class LeavesOut:
        def reply(self, message: Message, _result: object) -> list[bytes]:
            if "'Xen_Memory'" in repr(message.operation):
                logging.getLogger("xencim.cimom_glue.wire").error("%s is left out", "Xen_Memory")
            return []

    monkeypatch.setattr("xencim.cimom_glue.cli.doctor.classes.Encoder", LeavesOut)
    assert main(arguments) == 1
    wrong = [line for line in capsys.readouterr().out.splitlines() if line.startswith("✘")]
    assert wrong == ["✘ root/virt Xen_Memory: Xen_Memory is left out"]


def test_free_addresses_are_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    checks = addresses(configured(tmp_path, http=address, socket=str(tmp_path / "s")))
    assert [(c.name, c.ok, c.detail) for c in checks] == [
        (f"http {address}", True, "free"),
        (f"socket {tmp_path}/s", True, "free"),
    ]


def test_an_address_that_another_program_has_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_server, "_ANSWER_TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (check,) = addresses(configured(tmp_path, http=address))
    assert (check.ok, check.detail) == (False, "in use by another program")


def test_a_socket_left_behind_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "left"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    (check,) = addresses(configured(tmp_path, socket=str(path)))
    assert (check.ok, check.detail) == (
        True,
        "left behind by a server that ended; the next one replaces it",
    )


def test_a_certificate_that_cannot_be_read_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "server.crt").write_text("nothing")
    check = doctor_server.check_certificate(configured(tmp_path, https="127.0.0.1:0"))
    assert not check.ok
    assert check.detail.startswith(f"{tmp_path}/server.crt holds no certificate that can be read")


def test_a_certificate_that_ended_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("server.crt", "server.key"):
        (tmp_path / name).touch()
    ended = datetime.now(UTC) - timedelta(days=2)
    monkeypatch.setattr(
        doctor_server, "certificate_info", lambda _: CertificateInfo("CN=a", (), ended, ended)
    )
    check = doctor_server.check_certificate(configured(tmp_path, https="127.0.0.1:0"))
    assert (check.ok, check.detail, check.hint) == (
        False,
        f"{tmp_path}/server.crt for no name that clients look at, ended on {ended:%Y-%m-%d}",
        "renew it and send the server SIGHUP",
    )


def test_accounts_that_cannot_be_read_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("nothing\n")
    check = doctor_server.check_accounts(configured(tmp_path))
    assert (check.name, check.ok) == ("accounts", False)


def authority(name: str) -> bytes:
    """Return the certificate of an authority."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_the_authorities_of_clients_are_looked_at(tmp_path: Path) -> None:
    authorities = tmp_path / "clients.pem"
    config = configured(tmp_path, https="127.0.0.1:0", client_ca=str(authorities))
    [missing] = doctor_server.check_client_authorities(config)
    assert (missing.ok, missing.hint) == (False, "name a PEM file as server.client_ca")
    assert missing.detail.startswith(f"{authorities} holds no certificates that can be read")
    authorities.write_bytes(authority("one") + authority("two"))
    [found] = doctor_server.check_client_authorities(config)
    assert (found.ok, found.detail) == (True, f"required, by 2 authorities of {authorities}")


def test_authorities_that_ended_are_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = datetime.now(UTC) - timedelta(days=2)
    monkeypatch.setattr(
        doctor_server, "authorities_info", lambda _: [CertificateInfo("CN=a", (), ended, ended)]
    )
    config = configured(tmp_path, https="127.0.0.1:0", client_ca="/clients.pem")
    [check] = doctor_server.check_client_authorities(config)
    assert (check.ok, check.detail) == (
        False,
        f"required, by 0 authorities of /clients.pem; CN=a ended on {ended:%Y-%m-%d}",
    )


def test_authorities_are_not_looked_at_where_nobody_asks_them(tmp_path: Path) -> None:
    assert doctor_server.check_client_authorities(configured(tmp_path, https="127.0.0.1:0")) == []
    plain = configured(tmp_path, https="off", http="127.0.0.1:0", client_ca="/clients.pem")
    [check] = doctor_server.check_client_authorities(plain)
    assert (check.ok, check.detail) == (True, "not asked for, HTTPS is off")
