#!/bin/sh
# Compiles every requirements/NAME.in into requirements/NAME.lock: one lock for Python 3.10 to 3.13, with hashes,
# and without any trace of the index that it was compiled from. `make lock UPGRADE=--upgrade` takes newer versions.
set -eu
cd "$(dirname "$0")/.."

for asked in requirements/*.in; do
    .venv/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header "$@" \
        "$asked" --output-file "${asked%.in}.lock"
done
