#!/usr/bin/env bash
# Do `make demo` and `make test` work on a Debian that has nothing but python3, venv, pip, make and git?
#
#   sudo bash tests/bare_machine.sh [arguments for pytest]
#
# Builds such a Debian with debootstrap in a temporary folder, clones into it what is committed here, and runs
# both commands there; the tests install the servers and the browser that they need. Takes 3 GB, and twice as
# long as the tests do.
#
#   SUITE=trixie        another release than this machine's
#   MIRROR=http://…     other packages than this machine's
#   TMPDIR=/folder      where the Debian is built; /var/tmp by default
#
# This machine's servers are out of sight, in another network namespace, and slirp4netns leads from there to the
# mirrors. Mounts and processes are in namespaces too, which end with this script, even if it is killed.
set -euo pipefail

say() { printf '\n== %s\n' "$*"; }
fail() { echo "bare_machine.sh: $*" >&2; exit 1; }

# -- on this machine

outside() {
  [ "$(id -u)" = 0 ] || fail 'needs root, for debootstrap, mount and chroot'
  for program in debootstrap slirp4netns setpriv unshare git; do
    command -v "$program" >/dev/null \
      || fail "needs $program; on Debian: apt-get install debootstrap slirp4netns util-linux git"
  done
  [ -e /dev/net/tun ] || fail 'needs /dev/net/tun, for slirp4netns'
  suite=${SUITE:-$(. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME" || echo stable)}
  mirror=${MIRROR:-$(mirror_of_apt)}

  scratch=$(mktemp -d "${TMPDIR:-/var/tmp}/bare-machine-XXXXXX")
  machine=$scratch/machine
  trap finish EXIT
  trap 'exit 130' INT TERM HUP

  say "Debian $suite from $mirror, in $machine"
  build_machine
  git -C "$machine/root/clone" log -1 --format='%n== Testing %h %s'

  # A process whose parent is killed is killed too.
  setpriv --pdeathsig KILL unshare --net --mount --pid --fork --kill-child \
    bash "$0" --inside "$scratch" "$@" &
  local inside=$!
  until [ "$(readlink "/proc/$inside/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
  setpriv --pdeathsig KILL slirp4netns --configure --disable-host-loopback --ready-fd=3 "$inside" tap0 \
    3>"$scratch/network" >"$scratch/slirp4netns.log" 2>&1 &
  wait "$inside" || fail 'it does not work there; see above'
  say "Both work on a bare Debian $suite."
}

finish() {
  jobs -p | xargs -r kill -KILL 2>/dev/null || true
  wait
  rm -rf --one-file-system "$scratch"
}

mirror_of_apt() {
  local uris
  uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $suite" 2>/dev/null || true)
  head -n 1 <<<"${uris:-http://deb.debian.org/debian}"
}

build_machine() {
  local proxy=''
  eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null || true)"
  http_proxy=${http_proxy:-$proxy} debootstrap --variant=minbase \
    --include=python3,python3-venv,python3-pip,make,git "$suite" "$machine" "$mirror" >"$scratch/log" 2>&1 \
    || { tail -n 20 "$scratch/log" >&2; fail 'debootstrap failed'; }
  carry_settings
  # slirp4netns answers there, and asks this machine's own resolver.
  echo 'nameserver 10.0.2.3' >"$machine/etc/resolv.conf"
  echo '127.0.0.1 localhost' >"$machine/etc/hosts"
  git clone --quiet --no-hardlinks "$here" "$machine/root/clone"
  mkfifo "$scratch/network"
}

# What this machine needs to reach packages, the new one needs as well: the settings of apt and pip, proxies, and
# the files and folders that these name.
carry_settings() {
  local path
  env -0 | grep -zEi '^(pip_[a-z_]+|ssl_cert_file|requests_ca_bundle|(https?|no|all)_proxy)=' \
    >"$scratch/variables" || true
  python3 -m pip config debug 2>/dev/null | sed -n 's/^ *\(\/.*\), exists: True$/\1/p' >"$scratch/settings" || true
  { tr '\0' '\n' <"$scratch/variables"; xargs -r cat <"$scratch/settings"; } \
    | grep -oE "(file://)?/[^[:space:],'\"]+" | sed 's,^file://,,' | sort -u >"$scratch/named" || true
  for path in /etc/apt/apt.conf /etc/apt/apt.conf.d/*; do echo "$path"; done >>"$scratch/settings"
  while read -r path; do
    if [ -f "$path" ]; then
      mkdir -p "$machine${path%/*}"
      cp "$path" "$machine$path"
    elif [ -d "$path" ]; then
      # The pages of an index name files beside it.
      [ "${path##*/}" != simple ] || path=${path%/simple}
      [ -e "$machine$path" ] || { mkdir -p "$machine$path"; echo "$path" >>"$scratch/folders"; }
    fi
  done < <(cat "$scratch/settings" "$scratch/named")
}

# -- in namespaces of its own

inside() {
  local scratch=$1 machine=$1/machine path
  shift
  read -rn 1 _ <"$scratch/network" || { cat "$scratch/slirp4netns.log" >&2; fail 'no network'; }
  mount -t proc proc "$machine/proc"
  mount -t sysfs -o ro sysfs "$machine/sys"
  mount --rbind /dev "$machine/dev"
  mount -t tmpfs tmpfs "$machine/dev/shm"
  while read -r path; do mount --bind -o ro "$path" "$machine$path"; done < <(cat "$scratch/folders" 2>/dev/null)
  cp "$0" "$machine/root/bare_machine.sh"
  mapfile -d '' variables <"$scratch/variables"
  exec chroot "$machine" env -i "${variables[@]}" HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin CI=true \
    bash /root/bare_machine.sh --bare "$@"
}

# -- on the bare machine

bare() {
  cd /root/clone
  say 'make demo'
  make demo >/root/demo.log 2>&1 &
  local demo=$! start=$SECONDS address=
  until [ -n "$address" ] && python3 -c "from urllib.request import urlopen; urlopen('$address', timeout=9)"; do
    kill -0 "$demo" 2>/dev/null && ((SECONDS - start < 600)) || { cat /root/demo.log; fail 'make demo ended'; }
    sleep 0.5
    address=$(grep -om 1 'http://127\.0\.0\.1:[0-9]*' /root/demo.log || true)
  done
  echo "It answers at $address after $((SECONDS - start)) s."
  kill "$demo"

  say "make test PYTEST_ARGS=\"$*\""
  make test PYTEST_ARGS="$*"
}

here=$(cd "$(dirname "$0")/.." && pwd)
case ${1-} in
  --inside) shift; inside "$@" ;;
  --bare) shift; bare "$@" ;;
  *) outside "$@" ;;
esac
