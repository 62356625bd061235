#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the machine on which submissions are graded. It installs Python and
# the libraries in a virtual environment. What is already installed stays as it is.
#
# pip.conf, if `make autograder` was given one, tells pip where to find packages, such as torch without GPU libraries.
set -euo pipefail

ROOT="${ROOT:-/autograder}"
SOURCE="$ROOT/source"
VENV="$ROOT/venv"

recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

python() { # the first one that is recent enough; tested with 3.11
  for each in python3.11 python3; do
    if recent "$each"; then command -v "$each" && return; fi
  done
  return 1
}

from_packages() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

if ! recent "$VENV/bin/python"; then
  python >/dev/null || from_packages python3.11 python3.11-venv # Ubuntu 22.04 comes with 3.10
  PYTHON="$(python)"
  "$PYTHON" -c 'import ensurepip' 2>/dev/null ||
    from_packages "$("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
  "$PYTHON" -m venv "$VENV"
fi

if [ -f "$SOURCE/pip.conf" ]; then export PIP_CONFIG_FILE="$SOURCE/pip.conf"; fi
"$VENV/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check -r "$SOURCE/requirements.txt"
chmod -R go= "$SOURCE"
