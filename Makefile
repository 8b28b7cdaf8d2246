# The commands of a developer's day. All that they make is below .local/: the environment, the servers, their data.

PYTHON ?=
ARGS ?=
BIN := .local/venv/bin
export COVERAGE_FILE := $(CURDIR)/.local/coverage/data

.DEFAULT_GOAL := help
.PHONY: help run environment test check format publish faults bench lock clean reset

help: ## this
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 } \
		END { print "" }' $(firstword $(MAKEFILE_LIST))
	@echo "PYTHON=python3.12 picks the interpreter (else the newest of 3.11 to 3.13 that is found)."
	@echo "ARGS=... is passed on: make test ARGS='tests/runtime -k turn', make run ARGS='--help'."

##@ Look at it
run: environment ## start everything: servers, migrations, demo data, actors, edge. Ctrl-C ends it
	@trap : INT TERM; $(BIN)/python -m runtime up $(ARGS) || { status=$$?; [ $$status -eq 130 ] || exit $$status; }

##@ Change it
test: environment ## run the tests, with coverage; with ARGS only those, without
	@.ci/tests $(ARGS)
check: environment ## lint, formatting, types, the arrows between packages
	@failed=; \
	for tool in "ruff check ." "ruff format --check ." "mypy" "lint-imports"; do \
		echo "== $$tool"; $(BIN)/$$tool || failed="$$failed; $$tool"; \
	done; \
	[ -z "$$failed" ] || { echo "failed$${failed#;}" >&2; exit 1; }
format: environment ## let ruff format, and mend what it can
	@$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

publish: environment ## keep the OpenAPI document as the published one; refused where its clients could break
	@$(BIN)/python -m runtime openapi --publish tests/edge/published/openapi.json

##@ Try it hard
faults: environment ## the long campaign: kill processes, cut connections, count the money
	@$(BIN)/python -m pytest -m "faults or long" tests/faults tests/real_data $(ARGS)
bench: environment ## how much it does in a second
	@$(BIN)/python -m tests.bench $(ARGS)

##@ Look after it
environment: ## make .local/venv, if requirements-dev.lock has changed
	@PYTHON="$(PYTHON)" .ci/environment
lock: ## write the lock files anew from pyproject.toml; ARGS=--upgrade takes newer versions. Needs uv
	@.ci/lock $(ARGS)
clean: ## delete the environment and all caches; the servers' data stay
	@rm -rf .local/venv .local/coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -not -path './.local/*' -prune -exec rm -rf {} +
reset: environment ## delete the data of the local servers: the bank begins anew. Asks first
	@$(BIN)/python -m runtime.servers.reset $(ARGS)
