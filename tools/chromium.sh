#!/bin/sh
# Prints the path of a Chromium. Without one: installs Debian's package where it may, otherwise says what to install.
# CHROMIUM names the one to use.
set -eu
say() { echo "$*" >&2; }

find_one() {
    for name in ${CHROMIUM:-chromium chromium-browser google-chrome google-chrome-stable}; do
        command -v "$name" && return
    done
    mac="/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
    [ -z "${CHROMIUM:-}" ] && [ -x "$mac" ] && echo "$mac"
}

find_one && exit 0
if [ -n "${CHROMIUM:-}" ]; then
    say "CHROMIUM=$CHROMIUM is no program."
    exit 1
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "No Chromium: installing Debian's …"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get -qq update && apt-get -qq install --yes --no-install-recommends chromium; } >&2 || true
    find_one && exit 0
fi
say "No Chromium: install one (Debian: apt-get install chromium; macOS: brew install --cask chromium)," \
    "or name one in CHROMIUM."
exit 1
