#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# image-root.sh ROOT PROGRAM VERSION: lays out the file system of the run-time image in ROOT: the program, the libraries that it
# needs and no others, certificates, a user, and what tells scanners which packages these files are from.
#
# Runs on Debian, in the Dockerfile's build stage. Works for any architecture, as the dynamic linker says what is needed. Times of all
# files are $SOURCE_DATE_EPOCH.
set -eu

root=$1 program=$2 version=$3
here=$(dirname "$0")
packages=$(mktemp)
trap 'rm -f "$packages"' EXIT

# The package that a file is from: names it in $packages, and keeps its licence.
note_package() {
    # Where /lib is a link to /usr/lib, packages may know the file by either name.
    owner=$(dpkg -S "$1" 2>/dev/null || dpkg -S "${1#/usr}" 2>/dev/null || dpkg -S "/usr$1" 2>/dev/null) || {
        echo "image-root.sh: no package owns $1" >&2
        exit 1
    }
    owner=${owner%%: /*}
    echo "$owner" >>"$packages"
    install -D -m 644 "/usr/share/doc/${owner%%:*}/copyright" "$root/usr/share/doc/${owner%%:*}/copyright"
}

# Under the name that the linker asks for, whatever links lead there.
add_library() {
    install -D -m 755 "$(realpath "$1")" "$root$1"
    note_package "$(realpath "$1")"
}

mkdir -p "$root/etc/ssl/certs"
install -D -m 755 "$program" "$root/usr/bin/grapnel"

for library in $(ldd "$program" | grep -o '/[^ ]*'); do
    add_library "$library"
done
# glibc loads it by itself when a thread ends early.
add_library "$(gcc -print-file-name=libgcc_s.so.1 | xargs realpath)"

install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
note_package /usr/sbin/update-ca-certificates
install -m 644 /etc/ssl/openssl.cnf "$root/etc/ssl/"
note_package /usr/bin/openssl

echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/nonexistent\ngrapnel:x:65532:65532:grapnel:/:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\ngrapnel:x:65532:\n' >"$root/etc/group"

install -m 644 /etc/os-release "$root/etc/os-release"
sort -u -o "$packages" "$packages"
mkdir -p "$root/var/lib/dpkg/status.d"
while read -r owner; do
    dpkg-query -s "$owner" | sed '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' >"$root/var/lib/dpkg/status.d/${owner%%:*}"
done <"$packages"

install -D -m 644 "$here/../LICENSE" "$root/usr/share/doc/grapnel/LICENSE"
xargs "$here/sbom.sh" "$version" <"$packages" >"$root/usr/share/doc/grapnel/sbom.spdx.json"

find "$root" -exec touch --no-dereference --date="@${SOURCE_DATE_EPOCH:-0}" {} +
