#!/bin/sh
# Installs the programs that tests compare with, where the system is Debian's or like it and lets us. Tests
# that lack one skip and say so.
set -e
needed="ffmpeg:ffmpeg sox:sox opusenc:opus-tools flac:flac oggenc:vorbis-tools"
missing=""
for pair in $needed; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
	echo "installing$missing"
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
fi
echo "not installed:$missing; tests that compare with them will skip" >&2
