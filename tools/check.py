"""Run every check of the project: style, types, imports, spelling, tests.

``python tools/check.py`` is the test command; arguments are passed on to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKS = {
    "format": ["ruff", "format", "--check", "."],
    "style": ["ruff", "check", "."],
    "types": ["mypy"],
    "imports": ["lint-imports"],
    "spelling": ["codespell"],
    "tests": ["pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", *sys.argv[1:]],
}


def main() -> int:
    """Run all checks, also after one failed; return 1 if any did."""
    # Two test processes share the cores: more threads would only fight.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NO_ET": "1"}
    failed = []
    for name, (program, *arguments) in CHECKS.items():
        began = time.monotonic()
        done = subprocess.run(
            [str(BIN / program), *arguments], cwd=ROOT, env=environment, check=False
        )
        result = "passed" if done.returncode == 0 else "FAILED"
        print(f"== {name}: {result} ({time.monotonic() - began:.0f} s)", flush=True)
        if done.returncode:
            failed.append(name)
    print(f"== failed: {', '.join(failed)}" if failed else "== all checks passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
