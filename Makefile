# One screen over scripts/. `make` alone is `make check`.
.DEFAULT_GOAL := check
.PHONY: setup check integration e2e test demo cluster cluster-down fmt

.venv/.stamp: uv.lock pyproject.toml sdk/pyproject.toml runner/pyproject.toml operator/pyproject.toml scripts/setup
	scripts/setup

setup: .venv/.stamp
