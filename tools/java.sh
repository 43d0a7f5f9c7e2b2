#!/bin/sh
# Makes ready what Spark needs beside Python, and prints the JAVA_HOME to use. Finding Java and fetching Delta's JARs is
# jobs/lake/jars.py's; where there is no Java, the distribution's is installed here, if that may be (root, and apt).
set -eu
cd "$(dirname "$0")/.."
NO_JAVA=3
say() { echo "$*" >&2; }
ready() { status=0; home=$(.venv/bin/python -m jobs.lake.jars) || status=$?; }

ready
if [ "$status" = "$NO_JAVA" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "Installing the distribution's Java …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >&2 || true
    for version in 17 21; do # a distribution carries one of them, seldom both
        apt-get -qq install --yes --no-install-recommends "openjdk-$version-jre-headless" >&2 && break
    done
    ready
fi
[ "$status" = 0 ] || exit "$status"
echo "$home"
