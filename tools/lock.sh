#!/bin/sh
# Compiles requirements/jobs.in into requirements/jobs.lock: one lock for Python 3.10 to 3.13, with hashes,
# and without any trace of the index that it was compiled from. `make lock UPGRADE=--upgrade` takes newer versions.
set -eu
cd "$(dirname "$0")/.."

.venv/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header "$@" \
    requirements/jobs.in --output-file requirements/jobs.lock
