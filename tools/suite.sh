#!/bin/sh
# The tests in parts, two at a time: each engine needs a process of its own, and Airflow an environment of its own.
#
#   tools/suite.sh MARKS [ROOM [PART …]]
#
# MARKS are pytest's, such as "not soak". ROOM takes that folder's tests alone, of every kind: tests/*/ROOM, tests/*/*/ROOM.
# A part's output comes when it is done; one that fails fails the whole.
set -eu
cd "$(dirname "$0")/.."

# -- all parts, the longest first

if [ "$1" != --part ]; then
    MARKS=$1 ROOM=${2:-} LOGS=$(mktemp -d)
    export MARKS ROOM LOGS
    trap 'rm -rf "$LOGS"' EXIT
    trap 'exit 130' INT TERM
    [ $# -gt 1 ] && shift 2 || shift
    [ $# -gt 0 ] || set -- rooms airflow day spark landing unit check
    case " $* " in *" spark "* | *" airflow "*) JAVA_HOME=$(tools/java.sh); export JAVA_HOME ;; esac
    printf '%s\n' "$@" | xargs -P 2 -I '{}' "$0" --part '{}'
    exit
fi

# -- one of them

part=$2 jobs=.venv/bin/pytest

# Folders of tests below a place: all, or the room's.
below() {
    if [ -n "$ROOM" ]; then find "$@" -type d -name "$ROOM"; else printf '%s\n' "$@"; fi
}

run() {
    case $part in
        # Spark's tests are wherever one is marked.
        spark) tests "$(below tests/spark tests/unit tests/pipeline | xargs -r grep -rl pytest.mark.spark)" "and spark" ;;
        airflow) jobs=.venv-airflow/bin/pytest; tests "$(below tests/dags)" ;;
        day) tests "$(below tests/pipeline/day)" "and not spark" ;;
        rooms) tests "$(below tests/pipeline)" "and not spark" --ignore=tests/pipeline/day ;;
        landing) tests "$(below tests/unit/landing)" "and not spark" ;;
        unit) tests "$(below tests/unit)" "and not spark" --ignore=tests/unit/landing ;;
        check) [ -n "$ROOM" ] || [ "$MARKS" = soak ] || make --no-print-directory check ;;
        *) echo "$part is no part of the suite" >&2; exit 2 ;;
    esac
}

# FILES [MARKS [OPTION]]; 5 says that no test is of that kind.
tests() {
    [ -n "$1" ] || return 0
    "$jobs" $1 -m "$MARKS ${2:-}" ${3:-} --durations=10 --durations-min=5 || [ $? = 5 ]
}

status=0
run >"$LOGS/$part" 2>&1 || status=$?
{ echo "── $part"; cat "$LOGS/$part"; }
exit "$status"
