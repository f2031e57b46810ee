#!/usr/bin/env bash
# Print the path of a Python of some version: the one on PATH, or else one from Debian's packages.
#
#   bash tests/debian_python.sh 3.14 build/debian
#
# A Debian release has one Python, and its unstable release the next ones. Their packages need a newer libc than
# the machine may have, so they are unpacked into the folder, with all that they need and nothing of the machine's,
# and the program is told to load its libraries from there. Needs apt-get and patchelf, but no root.
set -euo pipefail

version=$1 folder=$(mkdir -p "$2" && cd "$2" && pwd)/python$1
program=$folder/usr/bin/python$version

if "python$version" -c '' 2>/dev/null; then
  command -v "python$version"
  exit
fi
if [ -x "$program" ]; then
  echo "$program"
  exit
fi
command -v apt-get >/dev/null || { echo "no python$version on PATH, and no apt-get to get one with" >&2; exit 1; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/lists/partial" "$scratch/archives/partial"
touch "$scratch/status"  # nothing is installed, so that everything needed is downloaded
for suite in stable unstable; do
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main"
done >"$scratch/sources.list"
apt() {
  apt-get -qq -o Dir::Etc::SourceList="$scratch/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$scratch/lists" -o Dir::State::status="$scratch/status" -o Dir::Cache="$scratch" \
    -o Dir::Cache::archives="$scratch/archives" -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@"
}
apt update >&2
apt install --yes --download-only --no-install-recommends "python$version-venv" libstdc++6 >&2

for package in "$scratch"/archives/*.deb; do
  dpkg --extract "$package" "$scratch/root"
done
libraries=$(cd "$scratch"/root/usr/lib/*-linux-gnu && pwd)
libraries=$folder${libraries#"$scratch/root"}
patchelf --set-interpreter "$libraries/$(cd "$scratch"/root/usr/lib/*-linux-gnu && ls ld-linux-*)" \
  --force-rpath --set-rpath "$libraries" "$scratch/root/usr/bin/python$version"
rm -rf "$folder"
mv "$scratch/root" "$folder"
echo "$program"
