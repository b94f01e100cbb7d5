#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Install what building (`build`), testing (`test`) or plotting (`plots`) needs and this Debian machine does not have yet.
set -euo pipefail

build=(meson ninja-build pkg-config)
tests=(clang clang-format clang-tidy cppcheck libclang-rt-14-dev libcmocka-dev libmnl-dev
       conntrack iptables ipset iproute2 mandoc python3)

plots=(gnuplot-nox)

case "${1:-}" in
build) want=("${build[@]}") ;;
test) want=("${build[@]}" "${tests[@]}") ;;
plots) want=("${plots[@]}") ;;
*) echo "usage: $0 build|test|plots" >&2; exit 2 ;;
esac

missing=()
for package in "${want[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "weir needs these Debian packages: ${missing[*]}. Install them as root." >&2; exit 1; }
    sudo=(sudo)
fi
echo "installing: ${missing[*]}"
"${sudo[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
