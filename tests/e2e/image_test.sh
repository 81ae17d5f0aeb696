#!/bin/sh
# Builds the container image and looks at what came out: ./dev test --image. Takes minutes, for it compiles the program inside.
# Needs root and buildah, and mmdebstrap where no registry answers. Exit 77: skipped, with the reason.
#   image_test.sh SOURCE_FOLDER
set -eu
source=$1
skip() { echo "skipped: $*"; exit 77; }
fail() { echo "failed: $*"; exit 1; }
[ "$(id -u)" = 0 ] || skip "the image is built as root"
command -v buildah >/dev/null || skip "buildah is not installed (Debian package buildah)"
command -v mmdebstrap >/dev/null || skip "mmdebstrap is not installed (Debian package mmdebstrap)"

work=$(mktemp -d)
storage="--root $work/store --runroot $work/run --storage-driver vfs"
trap 'buildah $storage rm -a >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

# The base image, made of the packages of the mirror that this machine uses: no registry is asked.
mirror=$(apt-get indextargets --format '$(REPO_URI)' "Created-By: Packages" | head -n 1)
[ -n "$mirror" ] || skip "apt knows no mirror: run apt-get update"
mmdebstrap --quiet --variant=minbase bookworm "$work/base.tar" "$mirror" || skip "no base system from $mirror"
base=$(buildah $storage from scratch)
buildah $storage add -q "$base" "$work/base.tar" / >/dev/null
buildah $storage config --cmd bash "$base"
buildah $storage commit -q "$base" docker.io/library/debian:bookworm-slim >/dev/null
rm "$work/base.tar"

buildah $storage bud --isolation chroot --pull-never --format docker --ignorefile "$source/.dockerignore" -t headwater:test "$source" \
  >"$work/log" 2>&1 || { tail -n 60 "$work/log"; fail "the image does not build"; }

image=$(buildah $storage from --pull-never headwater:test)
inside() { buildah $storage run --isolation chroot "$image" -- "$@"; }
inside /usr/bin/headwater version || fail "the program does not run: a library is missing"
[ "$(inside id -u)" != 0 ] || fail "the program would run as root"
! inside sh -c 'command -v cc || command -v g++' || fail "a compiler is in the image"
! inside grep -q HW_CRASH_AT /usr/bin/headwater || fail "test hooks are in the image"
inside sh -c 'test -w /var/lib/headwater' || fail "the state directory is not the service's own"
code=0
inside /usr/bin/headwater check -c /etc/headwater/headwater.yaml >/dev/null 2>&1 || code=$?
[ "$code" = 78 ] || fail "check without a configuration ended with $code, not 78"
buildah $storage inspect --type image headwater:test >"$work/inspect"
grep -q '"User": "headwater"' "$work/inspect" || fail "the image names no user"
grep -qi '"StopSignal": "SIGTERM"' "$work/inspect" || fail "the image names no stop signal"
du -sh "$(buildah $storage mount "$image")" | awk '{print "the image unpacked: " $1}'
