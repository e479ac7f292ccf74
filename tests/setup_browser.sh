#!/bin/sh
# The browser tests need Debian's Chromium and a Chinese font. Installs what is missing if it can.
set -u
missing=""
command -v chromium >/dev/null 2>&1 || missing="chromium"
fc-list :lang=zh 2>/dev/null | grep -q . || missing="$missing fontconfig fonts-noto-cjk"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing for the browser tests: $missing"
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit $?
fi
echo "The browser tests need these packages: $missing. Install them (apt-get install $missing) and try again." >&2
exit 1
