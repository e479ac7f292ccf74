#!/bin/sh
# The browser tests need Debian's Chromium, a Chinese font, axe-core, nginx and Caddy; those of the kernels for ARM a cross
# compiler and an emulator. Installs what is missing if it can.
set -u
axe=4.14.1
place="$(dirname "$0")/../.axe-core"
if [ ! -f "$place/$axe/axe.min.js" ]; then
    command -v npm >/dev/null 2>&1 || { echo "The browser tests need npm, to fetch axe-core." >&2; exit 1; }
    work=$(mktemp -d) && (cd "$work" && npm pack --silent "axe-core@$axe" >/dev/null) &&
        tar -xzf "$work"/axe-core-*.tgz -C "$work" && mkdir -p "$place/$axe" &&
        mv "$work/package/axe.min.js" "$place/$axe/" && rm -rf "$work" || exit 1
fi
missing=""
command -v chromium-headless-shell >/dev/null 2>&1 || command -v chromium >/dev/null 2>&1 || missing="chromium-headless-shell"
fc-list :lang=zh 2>/dev/null | grep -q . || missing="$missing fontconfig fonts-noto-cjk"
PATH="$PATH:/usr/sbin" command -v nginx >/dev/null 2>&1 || missing="$missing nginx-light"
command -v caddy >/dev/null 2>&1 || missing="$missing caddy"
command -v aarch64-linux-gnu-gcc >/dev/null 2>&1 || missing="$missing gcc-aarch64-linux-gnu libc6-dev-arm64-cross"
command -v qemu-aarch64 >/dev/null 2>&1 || missing="$missing qemu-user"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the tests: $missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit $?
fi
echo "The tests need these packages: $missing. Install them (apt-get install $missing) and try again." >&2
exit 1
