"""A server on a hypervisor with XSM: one policy, enforced by the server and by the hypervisor.

What the hypervisor does is read past the server: by `xl list -Z` and `xl getenforce`, and in the guests,
which are told to share pages and event channels.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
import pywbem

from xencim.acm.flask.names import context_of, type_of
from xencim.acm.language import write_policy
from xencim.acm.model import (
    ConflictSet,
    Header,
    Label,
    LabelKind,
    Policy,
    PolicyReference,
    Version,
)

from .conftest import XENCIM, connected, shows
from .test_xen_control import DISABLED, ENABLED
from .test_xen_host import of_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import XenHost

pytestmark = [pytest.mark.xen, pytest.mark.timeout(1800)]

RED, ALSO_RED, BLUE, GREEN, BARE = "red-1", "red-2", "blue", "green", "bare"
LABELS = {RED: "Red Bank", ALSO_RED: "Red Bank", BLUE: "Blue-Bank", GREEN: "Green"}
DONE_WITHIN_S = 240.0
_WORDS = itertools.count(1)
GUEST = """<domain type='xen'><name>{name}</name><uuid>70000000-0000-4000-8000-00000000000{number}</uuid>
<memory unit='MiB'>128</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='{machine}'>{kind}</type>
<kernel>/guest/vmlinuz</kernel><initrd>/guest/initrd</initrd>
<cmdline>console=hvc0 quiet mitigations=off</cmdline></os><on_crash>destroy</on_crash>
<devices><console type='pty'><target type='xen'/></console></devices></domain>"""


def colours(version: Version, previous: str | None = None, *, shared: bool = False) -> Policy:
    """Red and blue may run at once and share nothing (unless ``shared``); green may not run beside red."""
    walls = {"Red Bank": "red", "Blue-Bank": "blue", "Green": "green", "host": "host"}
    types = {"Red Bank": {"red"}, "Blue-Bank": {"blue"}, "Green": {"green"}, "host": {"red", "blue", "green"}}
    if shared:
        types["Blue-Bank"].add("red")
    return Policy(
        Header("colours", version, previous=PolicyReference("colours", previous) if previous else None),
        ste_types=("red", "blue", "green"),
        chinese_wall_types=("red", "blue", "green", "host"),
        conflict_sets=(ConflictSet("rivals", frozenset({"red", "green"})),),
        bootstrap="host",
        machine_labels=tuple(
            Label(name, LabelKind.MACHINE, frozenset(types[name]), frozenset({wall}))
            for name, wall in walls.items()
        ),
    )


FIRST, SECOND = colours(Version(1, 0)), colours(Version(1, 1), "1.0", shared=True)


class Client:
    """What a policy administrator asks of the server."""

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - a WBEMConnection
        self.connection = connection
        [self._service] = connection.EnumerateInstanceNames("Xen_SecurityPolicyService")

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have something done that must be."""
        answer, out = self.connection.InvokeMethod(method, self._service, **parameters)
        assert answer == 0, (method, answer, [one.tomof() for one in out.get("Findings") or ()])
        return dict(out)

    def start(self, name: str) -> None:
        self._request(name, ENABLED)

    def stop(self, name: str) -> None:
        self._request(name, DISABLED)

    def _request(self, name: str, state: int) -> None:
        path = of_name(self.connection, name)
        answer, out = self.connection.InvokeMethod(
            "RequestStateChange", path, RequestedState=pywbem.Uint16(state)
        )
        assert answer in {0, 4096}
        if answer == 4096:
            job = out["Job"]
            shows(
                lambda: self.connection.GetInstance(job)["JobState"] in {7, 8, 9, 10},
                True,
                within_s=DONE_WITHIN_S,
            )
            assert self.connection.GetInstance(job)["JobState"] == 7, self.connection.GetInstance(job).tomof()
        shows(lambda: self.connection.GetInstance(path)["EnabledState"], state, within_s=DONE_WITHIN_S)


@pytest.fixture(scope="module")
def client(xsm: XenHost) -> Iterator[Client]:
    """A client of a server with the first policy in force, and five machines that are off, four labelled."""
    with connected(xsm) as connection:
        made = Client(connection)
        names = (RED, ALSO_RED, BLUE, GREEN, BARE)
        for number, name in enumerate(names):
            kind, machine = ("linux", "xenpv") if name == BLUE else ("xenpvh", "xenpvh")
            xml = GUEST.format(name=name, number=number, kind=kind, machine=machine)
            xsm.host.run(f"cat > /guest/{name}.xml", data=xml)
            xsm.virsh(f"define /guest/{name}.xml")
        made.ask("LoadPolicy", Representation=write_policy(FIRST).decode())
        for name, label in LABELS.items():
            made.ask("AssignLabel", Resource=f"machine:{name}", Label=label)
        yield made
        for name in names:
            xsm.take_away(name)
        made.ask("ResetPolicy")


@pytest.fixture
def stopped(xsm: XenHost, client: Client) -> Iterator[None]:
    """Leave no machine running."""
    del client
    yield
    for name in contexts(xsm):
        if name != "Domain-0":
            xsm.host.run(f"xl destroy {name}")


def contexts(xsm: XenHost) -> dict[str, str]:
    """Return who runs with which context, by Xen's own tool."""
    lines = [line.split() for line in xsm.host.run("xl list -Z").splitlines()[1:]]
    return {words[0]: words[-1] for words in lines}


def enforcement(xsm: XenHost) -> str:
    """Return what xl says; its exit status is 1 where the hypervisor enforces."""
    return xsm.host.try_run("xl getenforce").out.strip()


def context(name: str) -> str:
    return context_of(LABELS[name], LabelKind.MACHINE)


def number(xsm: XenHost, name: str) -> int:
    return int(xsm.host.run(f"xl domid {name}"))


def told(xsm: XenHost, name: str, words: str) -> str:
    """Have a guest share, or use what is shared, by a line on its console; return what it answers."""
    asked = f"{next(_WORDS)}"
    terminal = f"$(xenstore-read /local/domain/$(xl domid {name})/console/tty)"
    xsm.host.run(f"echo '{asked} {words}' > {terminal}")
    return xsm.host.guest_says(name, f"^share {asked} ").partition(f"share {asked} ")[2]


def channel(xsm: XenHost, one: str, other: str) -> str:
    """Have one guest open an event channel to another; return what it was told: a port, or why not."""
    return told(xsm, one, f"channel {number(xsm, other)}")


def may(xsm: XenHost, one: str, other: str) -> bool:
    """Tell whether the hypervisor lets two running machines share."""
    answer = channel(xsm, one, other)
    assert answer.startswith("ok ") or answer == "failed Permission denied", answer
    return answer.startswith("ok ")


def denied(xsm: XenHost, what: str) -> str | None:
    """Return the hypervisor's last line of a refusal."""
    lines = [line for line in xsm.host.run("xl dmesg").splitlines() if f"denied  {{ {what} }}" in line]
    return lines[-1] if lines else None


def test_a_policy_in_force_is_the_hypervisors_too(xsm: XenHost, client: Client) -> None:
    [state] = client.connection.EnumerateInstances("Xen_FLASKSecurityModule")
    assert state["EnabledState"] == ENABLED, state.tomof()
    assert enforcement(xsm) == "Enforcing"
    for name in LABELS:
        xml = xsm.virsh(f"dumpxml {name}")
        assert f"<label>{context(name)}</label>" in xml
    assert "<seclabel" not in xsm.virsh(f"dumpxml {BARE}")


@pytest.mark.usefixtures("stopped")
def test_a_machine_runs_with_its_label_whoever_starts_it(xsm: XenHost, client: Client) -> None:
    client.start(RED)
    client.start(BLUE)
    xsm.virsh(f"start {ALSO_RED}")
    found = contexts(xsm)
    assert found.pop("Domain-0") == "system_u:system_r:dom0_t"
    assert found == {name: context(name) for name in (RED, BLUE, ALSO_RED)}
    assert client.ask("DetectDrift").get("Findings") is None
    client.stop(RED)
    client.ask("AssignLabel", Resource=f"machine:{RED}", Label=LABELS[BLUE])
    client.start(RED)
    assert contexts(xsm)[RED] == context(BLUE)
    client.stop(RED)
    client.ask("AssignLabel", Resource=f"machine:{RED}", Label=LABELS[RED])


@pytest.mark.usefixtures("stopped")
def test_a_conflict_is_refused_by_the_server(xsm: XenHost, client: Client) -> None:
    client.start(RED)
    with pytest.raises(pywbem.CIMError) as caught:
        client.start(GREEN)
    assert "rivals" in caught.value.status_description
    assert GREEN not in contexts(xsm)
    client.stop(RED)
    client.start(GREEN)
    assert contexts(xsm)[GREEN] == context(GREEN)


@pytest.mark.usefixtures("stopped")
def test_one_without_label_does_not_run_even_past_the_server(xsm: XenHost, client: Client) -> None:
    with pytest.raises(pywbem.CIMError):
        client.start(BARE)
    done = xsm.host.try_run(f"virsh --connect xen:///system start {BARE}")
    assert done.status != 0
    assert set(contexts(xsm)) == {"Domain-0"}
    line = denied(xsm, "create")
    assert line is not None
    [why] = client.ask("ExplainDenial", Record=line)["Findings"]
    assert why["Message"].endswith("a label without types is authorized nowhere; give it one")


@pytest.mark.usefixtures("stopped")
def test_pages_and_channels_are_shared_by_label_and_refusals_explained(xsm: XenHost, client: Client) -> None:
    for name in (RED, ALSO_RED, BLUE):
        client.start(name)
    red = number(xsm, RED)
    port = channel(xsm, RED, ALSO_RED).removeprefix("ok ")
    assert told(xsm, ALSO_RED, f"bind {red} {port}").startswith("ok ")
    page = told(xsm, RED, f"grant {number(xsm, ALSO_RED)}").removeprefix("ok ")
    assert told(xsm, ALSO_RED, f"map {red} {page}") == "ok 4711"
    # To a guest of another label the granting is a note in its own table; to map it is what is refused.
    page = told(xsm, RED, f"grant {number(xsm, BLUE)}").removeprefix("ok ")
    xsm.host.run("cat > /guest/colours.xml", data=write_policy(FIRST).decode())
    assert told(xsm, BLUE, f"map {red} {page}").startswith("failed ")
    for what, tclass, one, other in (("map_read", "grant", BLUE, RED), ("create", "event", RED, BLUE)):
        if tclass == "event":
            assert not may(xsm, one, other)
        line = denied(xsm, what)
        assert line is not None
        assert f"scontext={context(one)} " in line
        assert f"{type_of(LABELS[other], LabelKind.MACHINE)} tclass={tclass}" in line
        [why] = client.ask("ExplainDenial", Record=line)["Findings"]
        _, _, reason = why["Message"].partition(": ")
        assert "they have no type in common" in reason, why["Message"]
        done = xsm.host.try_run(f"xl dmesg | {XENCIM} policy denials /guest/colours.xml -")
        assert done.status == 1
        assert reason in done.out


@pytest.mark.usefixtures("stopped")
def test_modes_of_the_hypervisor_and_of_the_server(xsm: XenHost, client: Client) -> None:
    client.start(RED)
    client.start(BLUE)
    client.ask("SetHypervisorEnforcement", Enforcing=False)
    assert enforcement(xsm) == "Permissive"
    assert may(xsm, RED, BLUE)
    client.ask("SetHypervisorEnforcement", Enforcing=True)
    assert enforcement(xsm) == "Enforcing"
    assert not may(xsm, RED, BLUE)
    client.ask("SetEnforcementMode", Mode=pywbem.Uint16(2), Reason="a try")
    client.start(GREEN)
    assert contexts(xsm)[GREEN] == context(GREEN)
    client.ask("SetEnforcementMode", Mode=pywbem.Uint16(3), Reason="done")


def test_a_boolean_is_set(xsm: XenHost, client: Client) -> None:
    for value in (False, True):
        client.ask("SetBoolean", Name="guest_writeconsole", Value=value)
        assert xsm.host.run("flask-get-bool guest_writeconsole") == f"guest_writeconsole: {int(value)}\n"
        [told] = client.connection.EnumerateInstances("Xen_PolicyBoolean")
        assert (told["BooleanName"], told["CurrentValue"]) == ("guest_writeconsole", value)


@pytest.mark.usefixtures("stopped")
def test_an_update_a_rollback_and_a_reset_reach_the_hypervisor(xsm: XenHost, client: Client) -> None:
    client.start(RED)
    client.start(BLUE)
    assert not may(xsm, RED, BLUE)
    [first] = client.connection.EnumerateInstanceNames("Xen_ACMPolicy")
    apply = f"{XENCIM} policy apply - --socket /run/xencim.sock"
    xsm.host.run(apply, data=write_policy(SECOND).decode())
    assert may(xsm, RED, BLUE)
    client.ask("RollBackPolicy", Digest=first["PolicyID"])
    assert not may(xsm, RED, BLUE)
    client.ask("ResetPolicy")
    assert may(xsm, RED, BLUE)
    client.ask("LoadPolicy", Representation=write_policy(FIRST).decode())
    assert not may(xsm, RED, BLUE)
    assert contexts(xsm)[RED] == context(RED)
