#!/usr/bin/env bash
# Runs a command as the image would: in /app and as user 1000 without privileges, everything read-only but /data.
#   bash scripts/container/confine.sh <app folder> <data folder> <node binary> <command> …
# As root the root file system is read-only, by a mount namespace of its own. Else the command runs as the caller,
# with the app folder made unwritable. Ends by exec, so that signals reach the command.
set -euo pipefail
app=$1 data=$2 node=$3
shift 3
export PENSTOCK_DATA_DIR=/data

if [ "${CONFINE_INSIDE:-}" = yes ]; then
  unset CONFINE_INSIDE
  # Mount points that need not exist in the real root: on a file system of memory over /mnt.
  mount -t tmpfs -o mode=755 tmpfs /mnt
  mkdir /mnt/app /mnt/data /mnt/bin
  mount --bind "$app" /mnt/app
  mount --bind "$data" /mnt/data
  touch /mnt/bin/node
  mount --bind "$node" /mnt/bin/node
  mount -t tmpfs -o ro,mode=1777 tmpfs /tmp
  # Everything below is made read-only mount by mount; what the kernel refuses is not writable for user 1000 either.
  while read -r _ _ _ _ target _; do
    case "$target" in
      /mnt/data | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
      *) mount -o remount,bind,ro "$target" 2>/dev/null || true ;;
    esac
  done </proc/self/mountinfo
  if touch /mnt/app/probe 2>/dev/null || touch /probe 2>/dev/null || touch /tmp/probe 2>/dev/null; then
    echo 'confine: the root is still writable' >&2
    exit 1
  fi
  cd /mnt/app
  export PENSTOCK_DATA_DIR=/mnt/data PATH="/mnt/bin:$PATH" HOME=/nonexistent
  exec setpriv --reuid 1000 --regid 1000 --clear-groups --no-new-privs --bounding-set=-all "$@"
fi

if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
  chown 1000:1000 "$data"
  CONFINE_INSIDE=yes exec unshare --mount --propagation private bash "$0" "$app" "$data" "$node" "$@"
fi
echo 'confine: not root, or no mount namespaces: the root stays as it is, the app folder is made unwritable' >&2
chmod -R a-w "$app"
cd "$app"
PATH="$(dirname "$node"):$PATH"
export PATH PENSTOCK_DATA_DIR="$data"
exec "$@"
