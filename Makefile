# `make` alone is `make check`. README.md has the prerequisites, scripts/run.py the parts.
.DEFAULT_GOAL := check
.PHONY: setup check integration e2e test bench demo cluster cluster-down fmt

PROJECTS := pyproject.toml sdk/pyproject.toml runner/pyproject.toml operator/pyproject.toml

.venv/.stamp: uv.lock $(PROJECTS) scripts/setup
	scripts/setup

setup: .venv/.stamp  ## make .venv with everything that is needed

check: setup         ## all that needs Python alone: under two minutes
integration: setup   ## contracts on real servers, laws at 2,000 examples
e2e: setup           ## the scenarios on a real Kubernetes
test: setup          ## all of the above, each part's time printed
bench: setup         ## how fast the local stack is, beside others from PyPI
check integration e2e test bench:
	.venv/bin/python scripts/run.py $@

demo: setup          ## the research agent on the local stack
	.venv/bin/python scripts/demo.py

cluster: setup       ## a Kubernetes with the operator installed, to play with
	scripts/cluster up

cluster-down: setup  ## end it
	scripts/cluster down

fmt: setup
	.venv/bin/ruff format
	.venv/bin/ruff check --fix
