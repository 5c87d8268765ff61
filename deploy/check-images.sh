#!/bin/bash
# Builds the images of the Dockerfile and runs them as compose.yaml does (read-only root, no privileges, user 65532), on a Debian machine
# that has neither a container engine nor a registry: deploy/check-images.sh [FOLDER]
#
# The base images are made by debootstrap and the Go toolchain that is installed; the Dockerfile is executed by buildah. As root, with
# apt-get install buildah debootstrap
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(realpath -m "${1:-/tmp/sensevoice-images}")
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
mkdir -p "$work"

# commit ROOT IMAGE SETTING... makes an image of a folder.
commit() {
	local container
	container=$(buildah from scratch)
	buildah copy -q "$container" "$1" / >/dev/null
	buildah config "${@:3}" "$container"
	buildah commit -q "$container" "$2" >/dev/null
	buildah rm "$container" >/dev/null
}

bases() {
	local path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin debian=$work/bookworm
	[ -d "$debian" ] || debootstrap --variant=minbase --include=ca-certificates bookworm "$debian" >"$work/debootstrap.log"
	cp /etc/ssl/certs/ca-certificates.crt "$debian/etc/ssl/certs/" # this machine's, should it have its own
	commit "$debian" docker.io/library/debian:bookworm-slim --env "PATH=$path"
	cp -a "$(go env GOROOT)" "$debian/usr/local/go"
	commit "$debian" docker.io/library/golang:1.26-bookworm --env "PATH=/usr/local/go/bin:$path" --env GOPATH=/go --env "GOPROXY=$(go env GOPROXY)"
	rm -r "$debian/usr/local/go"
}

# try IMAGE BINARY: a server in a namespace of mounts of its own answers, says that it is well, and ends when it is told to.
try() {
	local container root
	container=$(buildah from --pull-never "localhost/$1")
	root=$(buildah mount "$container")
	mkdir -p "$root/proc"
	unshare -m bash -euo pipefail -c '
		enter="env -i PATH=/usr/local/bin:/usr/bin:/bin SENSEVOICE_HOME=/models SENSEVOICE_DEVICE=auto SENSEVOICE_PORT=50123
			/usr/bin/setpriv --no-new-privs /usr/sbin/chroot --userspec=65532:65532 $1 $2"
		mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && mount -t proc proc "$1/proc"
		mount -t tmpfs -o mode=1777 tmpfs "$1/tmp" && mount -t tmpfs -o uid=65532,gid=65532 tmpfs "$1/models"
		$enter serve 2>"$3/serve.log" & server=$!
		trap "kill $server 2>/dev/null || true" EXIT
		for _ in $(seq 50); do $enter health >/dev/null 2>&1 && break; sleep 0.2; done
		$enter health
		curl -sf -F files=@testdata/hello.wav localhost:50123/api/v1/asr | grep -o "hello good morning thanks" | head -1
		$enter doctor || true
		kill -TERM "$server"; wait "$server"
	' - "$root" "$2" "$work"
	buildah umount "$container" >/dev/null
	buildah rm "$container" >/dev/null
}

bases
for target in cpu gpu; do
	echo "=== $target"
	buildah bud --pull-never --layers --target "$target" -t "sensevoice:$target" . >"$work/$target.log" 2>&1 || { tail -20 "$work/$target.log"; exit 1; }
done
try sensevoice:cpu /sensevoice
try sensevoice:gpu sensevoice
buildah images | grep sensevoice
