"""Stand-ins for what no test run has: a container engine, the network.

``docker run`` and ``apptainer run`` translate the paths of the bound folders and call the same
command outside; ``pip install`` checks that this environment is what would come of it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from bids_deface import __version__

ROOT = Path(__file__).parent.parent.parent
#: Options of docker and apptainer that take a value.
VALUED = {"-v", "-B", "--network", "--tmpfs", "--user"}
FLAGS = {"--rm", "--read-only", "--containall", "--cleanenv", "--net"}


def container(words: list[str]) -> int:
    """Run the job as the image would, with the folders it would see."""
    binds: list[tuple[str, str]] = []
    while words[0].startswith("-"):
        option = words.pop(0)
        value = words.pop(0) if option in VALUED else ""
        if option not in VALUED | FLAGS:
            sys.exit(f"unknown option {option}")
        if option in {"-v", "-B"}:
            outside, inside = value.split(":")[:2]
            binds.append((inside, outside))
    image = words.pop(0)
    if image not in {f"bids-deface:{__version__}", "bids-deface.sif"}:
        sys.exit(f"no image {image}")
    for inside, outside in binds:
        words = [re.sub(rf"^{re.escape(inside)}(?=/|$)", outside, word) for word in words]
    return subprocess.run(["bids-deface", *words], check=False).returncode


def docker(words: list[str]) -> int:
    """``docker run``."""
    if words.pop(0) != "run":
        sys.exit("only docker run")
    return container(words)


def apptainer(words: list[str]) -> int:
    """``apptainer run`` and ``apptainer build``."""
    if words[0] == "run":
        return container(words[1:])
    what, image, definition = words
    if what != "build" or not (ROOT / definition).is_file():
        sys.exit(f"cannot {what} {definition}")
    Path(image).touch()
    return 0


def pip(words: list[str]) -> int:
    """``pip install``: this environment has what is asked for."""
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = known["optional-dependencies"]
    if words.pop(0) != "install":
        sys.exit("only pip install")
    while words:
        word = words.pop(0)
        if word == "--index-url":
            words.pop(0)
        elif word == "-e":
            continue
        elif own := re.fullmatch(r"(?:\.|bids-deface)(?:\[(.*)\])?", word):
            if own[1] and not set(own[1].split(",")) <= extras.keys():
                sys.exit(f"no extra {own[1]}")
        else:
            name, _, asked = word.partition("==")
            if not version(name).startswith(asked):
                sys.exit(f"{name} is {version(name)} here")
    return 0


def python(words: list[str]) -> int:
    """``python -m venv DIR``: a folder with the commands of this environment."""
    if words[:2] != ["-m", "venv"]:
        sys.exit("only python -m venv")
    folder = Path(words[2], "bin")
    folder.mkdir(parents=True)
    (folder / "activate").write_text("")
    for path in Path(sys.executable).parent.glob("bids-deface*"):
        (folder / path.name).symlink_to(path)
    (folder / "pip").symlink_to(str(shutil.which("pip")))
    return 0


def build(words: list[str]) -> int:
    """``tools/build-image.sh``."""
    return 0 if os.access(ROOT / "tools" / "build-image.sh", os.X_OK) and not words else 1


if __name__ == "__main__":
    NAMES = {
        "docker": docker,
        "apptainer": apptainer,
        "pip": pip,
        "python3.11": python,
        "build-image.sh": build,
    }
    sys.exit(NAMES[sys.argv[1]](sys.argv[2:]))
