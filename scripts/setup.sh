#!/usr/bin/env bash
# Installs the Debian packages that are missing. Arguments: run, test (one or both).
set -euo pipefail

packages=()
for what in "$@"; do
  case $what in
    run) packages+=(build-essential pkg-config postgresql-15 postgresql-15-postgis-3 postgresql-15-postgis-3-scripts libgdal-dev) ;;
    test) packages+=(curl gdal-bin chromium fonts-wqy-microhei) ;;
    *) echo "setup.sh: what is $what?" >&2; exit 2 ;;
  esac
done

missing=()
for p in "${packages[@]}"; do
  [[ $(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null) == ii* ]] || missing+=("$p")
done
[[ ${#missing[@]} -eq 0 ]] && exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo >/dev/null || { echo "missing packages: ${missing[*]}; install them as root, or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
