# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by scripts that need Debian packages: installs what is missing and says so.

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    local sudo=
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "these packages are missing; install them as root: ${missing[*]}" >&2
            return 2
        fi
        sudo=sudo
    fi
    echo "Installing from Debian: ${missing[*]}" >&2
    $sudo apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
}
