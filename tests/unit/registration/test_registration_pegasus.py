"""Registration with OpenPegasus: the texts, its programs made up; and a real one where one is named.

XENCIM_TEST_PEGASUS names the folder of an OpenPegasus that runs and may be changed, without our classes.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xencim.cimom_glue.registration.errors import RegistrationError
from xencim.cimom_glue.registration.pegasus import Pegasus
from xencim.cimom_glue.registration.registration import Registrar
from xencim.cimom_glue.registration.tools import LIBRARY

from .registration_world import program, wanted

CIMCLI = """\
case "$1 $2 $3" in
"ns  ") printf 'root/PG_InterOp\\nroot/cimv2\\n' ;;
"gc PG_ProviderModule -n" | "ec -n root/PG_InterOp")
    echo '<CLASS NAME="PG_ProviderModule" SUPERCLASS="CIM_X">
<PROPERTY NAME="Name" TYPE="string"></PROPERTY>
</CLASS>' ;;
"ei PG_ProviderCapabilities -n")
    echo 'path= PG_ProviderCapabilities.CapabilityID="7",ProviderModuleName="theirs",ProviderName="p"
<INSTANCE CLASSNAME="PG_ProviderCapabilities" >
<PROPERTY NAME="ProviderModuleName"  TYPE="string"><VALUE>theirs</VALUE></PROPERTY>
<PROPERTY NAME="ClassName"  TYPE="string"><VALUE>Xen_Machine</VALUE></PROPERTY>
<PROPERTY NAME="Caption"  TYPE="string"></PROPERTY>
<PROPERTY.ARRAY NAME="Namespaces"  TYPE="string">
<VALUE.ARRAY><VALUE>root/other</VALUE></VALUE.ARRAY></PROPERTY.ARRAY>
<PROPERTY.ARRAY NAME="ProviderType"  TYPE="uint16">
<VALUE.ARRAY><VALUE>2</VALUE></VALUE.ARRAY></PROPERTY.ARRAY>
</INSTANCE>' ;;
*) echo 'CIM_ERR_INVALID_NAMESPACE: no' >&2; exit 3 ;;
esac
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """An OpenPegasus under a prefix, with another provider in another namespace."""
    root = tmp_path / "pegasus"
    (root / "repository").mkdir(parents=True)
    (root / "lib").mkdir()
    (root / "lib" / LIBRARY).touch()
    program(root / "bin/cimcli", f'test "$PEGASUS_HOME" = {root} || exit 9\n{CIMCLI}')
    program(root / "bin/cimconfig", '[ $2 = providerDir ] && echo "value: lib" || echo "value: repository"')
    log = root / "log"
    program(root / "bin/cimmof", f'for last; do true; done; echo "$4 $5" >> {log}; cat "$last" >> {log}')
    return root


def test_classes_come_before_the_registration(root: Path) -> None:
    registrar = Registrar(Pegasus(root), [wanted()], root / "state")
    outcome = registrar.register("root/cimv2", None, take_over=False, dry=True)
    assert outcome.files is not None
    assert list(outcome.files) == ["root/cimv2: classes", "root/PG_InterOp: registration"]
    # The made-up PG_ProviderModule has no UserContext; a property that it lacks is not sent.
    assert outcome.files["root/PG_InterOp: registration"] == (
        'instance of PG_ProviderModule {\n  Name = "xencim";\n  Vendor = "xencim";\n'
        '  Version = "0.1.0";\n  InterfaceType = "CMPI";\n  InterfaceVersion = "2.0.0";\n'
        '  Location = "xencim_cmpi";\n};\n\n'
        'instance of PG_Provider {\n  Name = "xencim";\n  ProviderModuleName = "xencim";\n};\n\n'
        'instance of PG_ProviderCapabilities {\n  ProviderModuleName = "xencim";\n'
        '  ProviderName = "xencim";\n  CapabilityID = "1";\n  ClassName = "Xen_Machine";\n'
        '  Namespaces = {"root/cimv2"};\n  ProviderType = {2, 5};\n};\n'
    )
    # A word of its compiler is no property's name.
    assert "Reference" not in outcome.files["root/cimv2: classes"]
    assert outcome.plans[0].lacking == ("Xen_Machine.Reference",)


def test_each_text_is_loaded_into_its_namespace(root: Path) -> None:
    registrar = Registrar(Pegasus(root), [wanted()], root / "state")
    assert registrar.register(None, None, take_over=False, dry=False).changed
    log = (root / "log").read_text()
    assert log.startswith("root/virt /")
    assert log.index("class Xen_Machine") < log.index("\nroot/PG_InterOp /") < log.index("PG_ProviderModule")


def test_a_server_that_is_down_is_told_so(root: Path) -> None:
    program(root / "bin/cimcli", "echo 'Cannot connect' >&2; exit 1")
    registrar = Registrar(Pegasus(root), [wanted()], root / "state")
    with pytest.raises(RegistrationError, match="cimcli ns: exit code 1: Cannot connect") as caught:
        registrar.status()
    assert caught.value.hint == "start OpenPegasus: classes and providers are registered while it runs"


def test_a_wrong_root_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(RegistrationError, match="there is no cimcli under"):
        Registrar(Pegasus(tmp_path), [wanted()], tmp_path).status()


@pytest.fixture
def real() -> Pegasus:
    """A running OpenPegasus."""
    place = os.environ.get("XENCIM_TEST_PEGASUS")
    if place is None:
        pytest.skip("XENCIM_TEST_PEGASUS names no OpenPegasus")
    return Pegasus(Path(place))


def test_a_real_server_is_as_it_was_in_the_end(real: Pegasus, tmp_path: Path) -> None:
    library = tmp_path / LIBRARY
    library.touch()
    registrar = Registrar(real, [wanted()], tmp_path)
    assert registrar.register(None, library, take_over=False, dry=False).changed
    assert not registrar.register(None, library, take_over=False, dry=False).changed
    found = registrar.status()
    assert found is not None
    assert found.differences == ()
    assert registrar.unregister(dry=False).changed
    assert "xen_machine" not in real.namespace("root/virt").classes
    assert real.registered() == set()
