#!/bin/sh
# Install bids-deface into /opt/bids-deface, for Dockerfile and Singularity.def alike.
# Usage, in the root of the sources: install-app.sh {dependencies|program}
# TORCH_INDEX: where torch comes from; empty means from where pip takes the rest.
set -eu
target=/opt/bids-deface
export PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
[ -n "${PIP_FIND_LINKS:-}" ] || unset PIP_FIND_LINKS
install() { python -m pip --python "$target/bin/python" install --no-compile "$@"; }

case "$1" in
dependencies)
  python -m venv --without-pip "$target"
  install --require-hashes --no-deps -r requirements/image.lock
  # Not in the lock: CPU and CUDA builds of one version differ in their hashes.
  install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} -r requirements/torch.txt
  # Headers and tests of libraries are of no use in an image.
  cd "$target"/lib/python3*/site-packages
  rm -rf torch/include torch/test
  find torch/bin -type f ! -name torch_shm_manager -delete
  find . -type d -name tests -prune -exec rm -rf {} +
  ;;
program)
  python -m venv /tmp/builder
  /tmp/builder/bin/pip install --require-hashes --no-deps -r requirements/build.lock
  /tmp/builder/bin/python -m hatchling build -t wheel -d /tmp/wheel
  install --no-deps --no-index /tmp/wheel/*.whl
  rm -rf /tmp/builder /tmp/wheel
  python -m pip --python "$target/bin/python" check
  # A small job: it shows that the program works, and compiles what it imports and nothing else.
  PATH=$target/bin:$PATH
  bids-deface-demo /tmp/raw
  bids-deface /tmp/raw /tmp/out participant --participant-label 01 -m T1w --nprocs 1
  bids-deface /tmp/raw /tmp/out group
  python -c "import bids_deface.cli.dicom_run"
  rm -rf /tmp/raw /tmp/out
  ;;
*)
  echo "usage: $0 {dependencies|program}" >&2
  exit 64
  ;;
esac
