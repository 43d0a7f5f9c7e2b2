#!/bin/sh
# Makes .venv from requirements/jobs.lock, or with a name .venv-NAME from requirements/NAME.lock (`tools/env.sh airflow`);
# does nothing, and asks no network, when it stands already. The environments share no package.
# PYTHON names the interpreter to use; otherwise the newest of 3.13 to 3.10 that this machine has.
set -eu
cd "$(dirname "$0")/.."

lock=requirements/${1:-jobs}.lock
venv=.venv${1:+-$1}
if [ ! -f "$lock" ]; then echo "There is no $lock." >&2; exit 2; fi

# What an environment depends on: its place, the lock, and of setup.cfg what stands before the settings of tools.
stamp() { pwd; cat "$lock" tools/env.sh; sed '/^.tool:pytest/,$d' setup.cfg; }
say() { echo "$*" >&2; }
runs() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null; }
makes_venv() { "$1" -c 'import ensurepip, venv' 2>/dev/null; }
version() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }
setting() { "$venv/bin/python" -m pip config list | sed -n "s/^.*[.]$1='\(.*\)'\$/\1/p" | head -n 1; }

if stamp | cmp -s - "$venv/stamp" && runs "$venv/bin/python"; then
    [ -z "${PYTHON:-}" ] || [ "$(version "$PYTHON")" = "$(version "$venv/bin/python")" ] && exit 0
fi

# -- an interpreter that can make an environment

python= bare=
for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3.10 python3}; do
    if runs "$candidate"; then
        if makes_venv "$candidate"; then python=$candidate; break; fi
        bare=${bare:-$candidate}
    fi
done
if [ -z "$python" ] && [ -n "$bare" ]; then
    package=python$(version "$bare")-venv
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "$bare comes without venv: installing $package …"
        apt-get -qq update >&2 && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes "$package" >&2 || true
    fi
    if makes_venv "$bare"; then python=$bare; else
        say "$bare cannot make environments: install its venv module (Debian, Ubuntu: apt-get install $package)."
        exit 1
    fi
fi
if [ -z "$python" ]; then
    say "tanzhang needs Python 3.10, 3.11, 3.12 or 3.13; ${PYTHON:-python3} is none: install one or name it in PYTHON."
    exit 1
fi

# -- the locked packages; uv is far faster, pip is what every machine can use

say "Making $venv with $("$python" --version) …"
rm -rf "$venv"
"$python" -m venv "$venv"
awk '/^[a-z]/ { wanted = /^(pip|setuptools|uv)==/ } wanted' "$lock" > "$venv/builders.txt"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$venv/builders.txt"

# uv reads none of pip's settings.
UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$(setting index-url)} UV_INDEX=${UV_INDEX:-$(setting extra-index-url)}
SSL_CERT_FILE=${SSL_CERT_FILE:-$(setting cert)}
export UV_DEFAULT_INDEX UV_INDEX SSL_CERT_FILE
for name in UV_DEFAULT_INDEX UV_INDEX SSL_CERT_FILE; do eval "[ -n \"\$$name\" ]" || unset $name; done

# PySpark comes as an sdist of 400 MB: packing it uncompressed halves the whole installation.
if ! "$venv/bin/uv" pip install --python "$venv/bin/python" --no-build-isolation --no-deps \
    --config-settings-package "pyspark:--build-option=--compression=stored" \
    --requirement "$lock" --editable .; then
    say "uv could not install the lock; trying pip, which is slower …"
    "$venv/bin/python" -m pip install --no-build-isolation --no-deps --requirement "$lock"
    "$venv/bin/python" -m pip install --no-build-isolation --no-deps --quiet --editable .
fi
stamp > "$venv/stamp"
