#!/bin/sh
# Build the container image: tools/build-image.sh [--cuda] [--stand-in-base] [--check]
#   --cuda           torch for NVIDIA cards (tag ends in -cuda)
#   --stand-in-base  make the base image from Debian first, where no registry can be reached (root)
#   --check          run the tests of the image, offline
# Environment:
#   ENGINE           docker, podman, "podman --runtime runc" ... (default: what is there)
#   BUILD_OPTIONS    more words for "build": --network host -v /my/wheels:/my/wheels:ro
#   TORCH_INDEX      where torch comes from; set but empty: from where pip takes the rest
#   PIP_FIND_LINKS   a folder of wheels in the build (see BUILD_OPTIONS)
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' bids_deface/__init__.py)
base=$(sed -n 's/^ARG BASE=//p' Dockerfile)
tag=bids-deface:$version
torch_index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
stand_in= check=
for option in "$@"; do
  case "$option" in
  --cuda) tag=$tag-cuda torch_index=${TORCH_INDEX-https://download.pytorch.org/whl/cu126} ;;
  --stand-in-base) stand_in=yes ;;
  --check) check=yes ;;
  *) sed -n '2,/^set/{/^#/p}' "$0" >&2; exit 64 ;;
  esac
done
if [ -z "${ENGINE:-}" ]; then
  ENGINE=podman
  if command -v docker >/dev/null && docker info >/dev/null 2>&1; then ENGINE=docker; fi
fi

if [ -n "$stand_in" ]; then
  root=$(mktemp -d)
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$root"
  rm -rf "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/*
  ln -s /usr/bin/python3 "$root/usr/local/bin/python"
  tar -C "$root" -c . | $ENGINE import - "$base"
  rm -rf "$root"
fi

# shellcheck disable=SC2086 # ENGINE and BUILD_OPTIONS are words
$ENGINE build ${BUILD_OPTIONS:-} \
  --build-arg "TORCH_INDEX=$torch_index" --build-arg "PIP_FIND_LINKS=${PIP_FIND_LINKS:-}" \
  --build-arg "VERSION=$version" \
  --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || true)" \
  --build-arg "CREATED=$(git log -1 --format=%cI 2>/dev/null || true)" \
  -t "$tag" .
bytes=$($ENGINE image inspect --format '{{.Size}}' "$tag")
echo "$tag: $((bytes / 1000000)) MB"

if [ -n "$check" ]; then
  BIDS_DEFACE_IMAGE=$tag BIDS_DEFACE_ENGINE=$ENGINE "${PYTHON:-python3}" -m pytest tests/packaging/test_container.py
fi
