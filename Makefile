# make install   fetch everything into .venv        make test    all tests            make bench   measure
# make demo      real events, end to end            make check   lint, types, rules   make clean   start afresh
# make conformance   have HAPI FHIR and HL7's schema judge what is published
# make faults DURATION=600 SEED=1   kill, stop, cut and slow everything under load, and check what came out
# make fuzz DURATION=60 ARGS="hl7v2 mllp"   bytes that nobody should send, on all that reads bytes

PYTHON ?= $(shell deploy/find-python)
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
WORKERS ?= 2

.PHONY: install demo test check bench conformance faults fuzz clean
.DEFAULT_GOAL := install

install: $(INSTALLED)

$(INSTALLED): requirements/dev.txt pyproject.toml
	@PYTHON="$(PYTHON)" deploy/make-venv $(VENV)
	@touch $@

demo: $(INSTALLED)
	@$(BIN)/carehub demo $(if $(EXIT),--exit)

test: $(INSTALLED)
	@$(BIN)/pytest -n $(WORKERS) --dist loadscope $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/carehub packs fmt --check
	$(BIN)/pytest -q -p no:randomly tests/migrations

bench: $(INSTALLED)
	@$(BIN)/python -m tests.bench $(ARGS)

conformance: $(INSTALLED)
	@$(BIN)/python -m tests.conformance $(ARGS)

faults: $(INSTALLED)
	@$(BIN)/python -m tests.faults $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: $(INSTALLED)
	@$(BIN)/python -m tests.fuzz $(if $(DURATION),--seconds $(DURATION)) $(ARGS)

clean:
	rm -rf $(VENV) .carehub .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
