# Everything a developer or an administrator of a fresh Debian 12 machine does, one word each.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help serve test test-xen lint types bench soak docs cmpi deb rpm \
	apt-serve apt-test apt-xen apt-deb apt-rpm apt-packages apt-fuzz fuzz-cmpi test-packages clean

VENV := .venv
BIN := $(VENV)/bin
# The system's interpreter: Debian's python3-libvirt belongs to it.
PYTHON := /usr/bin/python3
ARGS ?=

SERVE_PACKAGES := python3-venv python3-libvirt sblim-wbemcli
TEST_PACKAGES := $(SERVE_PACKAGES) libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils \
	dnsmasq-base iproute2 gcc libc6-dev valgrind checkpolicy python3-setools m4 slapd
DEB_PACKAGES := $(SERVE_PACKAGES) git build-essential debhelper dh-apparmor dh-python
RPM_PACKAGES := git gcc libc6-dev rpm
PACKAGE_TEST_PACKAGES := $(DEB_PACKAGES) $(RPM_PACKAGES) mmdebstrap apparmor lintian
FUZZ_PACKAGES := clang libclang-rt-14-dev
XEN_PACKAGES := qemu-system-x86 seabios mmdebstrap e2fsprogs kmod cpio gcc libc6-dev

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

serve: $(VENV)/.installed ## install what is missing and serve the local hypervisor (ARGS="…" for flags)
	@exec $(BIN)/xencim serve $(ARGS)

test: $(VENV)/.installed-dev lint types ## install what is missing, then lint, types and all tests
	@$(BIN)/pytest

test-xen: $(VENV)/.installed-dev | apt-xen ## tests on a Xen host under emulation (root; ARGS="…" for pytest's flags)
	@$(BIN)/pytest -m xen tests/xen $(ARGS)

test-packages: $(VENV)/.installed-dev | apt-packages ## packages: made, installed, upgraded and removed (root; ARGS="…" for pytest's flags)
	@$(BIN)/pytest -m packages tests/packages $(ARGS)

FUZZ_S := 600
fuzz-cmpi: $(VENV)/.installed-dev | apt-fuzz ## libFuzzer on what the CIMOMs' provider library reads (FUZZ_S=seconds)
	@XENCIM_FUZZ_S=$(FUZZ_S) $(BIN)/pytest tests/cmpi/test_library_fuzz.py -k libfuzzer

lint: $(VENV)/.installed-dev ## ruff: rules and format
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.installed-dev ## mypy, strict
	@$(BIN)/mypy src/xencim
	@$(BIN)/mypy --explicit-package-bases tests
	@$(BIN)/mypy benchmarks

bench: $(VENV)/.installed-dev ## measure (ARGS="…" for flags)
	@$(BIN)/python benchmarks/run.py $(ARGS)

soak: $(VENV)/.installed-dev ## half an hour of mixed load
	@$(BIN)/python benchmarks/soak.py $(ARGS)

docs: $(VENV)/.installed ## write the generated pages of docs
	@$(BIN)/python -m xencim.cimom_glue.cli.reference

# By the link, which leads there in an archive of the sources too.
CMPI := src/xencim/cimom_glue/cmpi/library
# Where the library connects to unless its environment says otherwise.
CMPI_SOCKET := /run/xencim/cmpi.sock
CMPI_FLAGS := -std=c11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes \
	-Werror -fPIC -fvisibility=hidden -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wl,-z,defs,-z,relro,-z,now \
	-ffile-prefix-map=$(CURDIR)=. -DXENCIM_CMPI_SOCKET='"$(CMPI_SOCKET)"'

cmpi: build/libxencim_cmpi.so ## build the provider library for existing CIMOMs (needs gcc)

build/libxencim_cmpi.so: $(wildcard $(CMPI)/*.c $(CMPI)/*.h)
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(CFLAGS) $(CMPI_FLAGS) $(LDFLAGS) -shared -o $@ $(filter %.c,$^)

deb: | apt-deb $(BIN)/pip ## Debian packages xencim and xencim-cmpi, into build/
	@cimom_glue/packaging/build deb

rpm: | apt-rpm ## the same as RPM packages
	@cimom_glue/packaging/build rpm

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build

# Installing: only what is missing, without questions, with sudo where needed.
define apt_install
@missing=(); \
for package in $(1); do \
	status=$$(dpkg-query -W -f='$${db:Status-Status}' "$$package" 2>/dev/null || true); \
	[[ $$status == installed ]] || missing+=("$$package"); \
done; \
if (( $${#missing[@]} )); then \
	sudo=(); (( $$(id -u) == 0 )) || sudo=(sudo); \
	"$${sudo[@]}" apt-get update -q; \
	"$${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$${missing[@]}"; \
fi
endef

apt-serve:
	$(call apt_install,$(SERVE_PACKAGES))

apt-test:
	$(call apt_install,$(TEST_PACKAGES))

apt-fuzz:
	$(call apt_install,$(FUZZ_PACKAGES))

apt-xen:
	$(call apt_install,$(XEN_PACKAGES))

apt-deb:
	$(call apt_install,$(DEB_PACKAGES))

apt-rpm:
	$(call apt_install,$(RPM_PACKAGES))

apt-packages:
	$(call apt_install,$(PACKAGE_TEST_PACKAGES))

$(BIN)/pip: | apt-serve
	$(PYTHON) -m venv --system-site-packages $(VENV)

$(VENV)/.installed: pyproject.toml | apt-serve $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml | apt-test $(BIN)/pip
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.installed
