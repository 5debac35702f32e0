"""Files that show or name a person whatever an image detector says of the scans."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.walk import Tree
from bids_deface.kinds import PRIVATE

#: Folders that hold what came before de-identification: told as a whole.
FOLDERS: Final = {
    "sourcedata": "holds what the dataset was made from, as a rule with faces and names",
    ".heudiconv": "holds tables of DICOM headers, with names and dates",
    PRIVATE: "holds pictures and images from before defacing",
}
#: Whose pictures are material that was shown, or microscopy, and no photographs of participants.
NO_PORTRAITS: Final = ("stimuli", "micr")
#: Folders whose content this program makes, and has judged.
OUR_FIGURES: Final = "figures"
#: A head shape with so many points tells the face; fewer are marks and electrodes.
LEAST_POINTS: Final = 50
#: No text file of points is larger; what is, has points enough.
MOST_BYTES: Final = 2_000_000
SPECIAL: Final = "a pipe, socket or device, which nobody can look into"
_BRAIN: Final = (
    "pial|white|smoothwm|midthick|inflated|sphere|cortex|brain|graymid|flat|orig|wm|gm|"
    "inner_?skull|outer_?skull|hippo|thalam|cereb|subcort"
)
BRAIN_SURFACE: Final = re.compile(rf"(^|[^a-z])\w*({_BRAIN})", re.IGNORECASE)


@dataclass(frozen=True)
class Rule:
    """A kind of file by its name.

    Attributes
    ----------
    item
        What to call it.
    names
        Matches the path within the dataset.
    reason
        Why it is risky.
    weight
        What it means for sharing.
    """

    item: str
    names: re.Pattern[str]
    reason: str
    weight: Weight = Weight.PROBLEM


def _rule(item: str, names: str, reason: str, weight: Weight = Weight.PROBLEM) -> Rule:
    return Rule(item, re.compile(names, re.IGNORECASE), reason, weight)


HEAD_SURFACE: Final = _rule(
    "head surface",
    r"(seghead|outer_?skin|[-_.]head(-(dense|medium|sparse))?\.(fif|surf|gii|stl|obj)|"
    r"(scalp|skin|face|head)[^/]*\.(surf\.gii|gii|surf|tri|stl|obj|ply|vtk|vtp|off|msh)"
    r"|seghead\.mgz)",
    "the head's surface is the face",
)
MESH: Final = _rule(
    "mesh", r"\.(stl|obj|ply|vtk|vtp|off|msh|tri|surf\.gii)$", "a surface; look whether of a face"
)
HEAD_MASK: Final = _rule(
    "head mask",
    r"(label|desc|res)-(head|scalp|skin|face)[^/]*_(mask|dseg|probseg)\.nii(\.gz)?$",
    "the outline of a head is its face",
)
POINTS: Final = _rule(
    "head shape", r"(\.(pos|hsp|elp)$|_headshape\.[^/]+$)", "points on the face, by a digitiser"
)
RULES: Final = (
    _rule("DICOM", r"(\.(dcm|dicom|ima)|(^|/)DICOMDIR)$", "DICOM headers name the person"),
    _rule("picture", r"\.(jpe?g|png|hei[cf]|tiff?|bmp|gif|webp|raw|dng)$", "may be a photograph"),
    _rule("video", r"\.(mp4|mov|avi|mkv|webm|m4v|mpe?g|wmv)$", "may show a person"),
    _rule("sound", r"\.(wav|mp3|m4a|ogg|flac|aac)$", "a voice identifies"),
    _rule("archive", r"(\.(zip|7z|rar|tar|tgz|tbz2?|txz)|\.tar\.\w+)$", "nobody looked into it"),
    HEAD_SURFACE,
    HEAD_MASK,
    POINTS,
    MESH,
    _rule(
        "FreeSurfer",
        r"(^|/)mri/(orig|rawavg|T1|nu|orig_nu|orig/\d+)\.mg[zh]$",
        "shows the face, unless it was made from a defaced scan",
        Weight.NOTE,
    ),
    _rule(
        "recording",
        r"(\.(fif|con|sqd|kdf|edf|bdf|trc|cnt|vhdr|set|snirf)$|\.ds/)",
        "can hold head points, names and dates; nobody looked into it",
        Weight.NOTE,
    ),
    _rule(
        "code", r"(^|/)code/", "scripts can hold paths, names and lists of pseudonyms", Weight.NOTE
    ),
)
#: Names without which a file of unknown kind is opened to look for DICOM's mark.
_KNOWN_TEXT: Final = re.compile(
    r"\.(nii|nii\.gz|mgz|mgh|json|tsv|tsv\.gz|txt|md|rst|html|svg|toml|py|m|sh|bval|bvec|"
    r"fif|eeg|vhdr|vmrk|edf|bdf|set|fdt|cff|csv|mat|gii|log|gz)$|(^|/)(README|CHANGES|LICENSE|"
    r"\.bidsignore|\.gitattributes|\.gitignore)$",
    re.IGNORECASE,
)


def audit_files(tree: Tree) -> list[Finding]:
    """Return the files and folders of a dataset that are risky by kind.

    Parameters
    ----------
    tree
        The dataset.
    """
    found = list(_folders(tree.files))
    told = tuple(f"{finding.file}/" for finding in found)
    for file in tree.files:
        if not file.startswith(told):
            finding = _judge(tree, file)
            if finding is not None:
                found.append(finding)
    for file in tree.special:
        found.append(Finding(file, Kind.FILE, "special file", "found", Weight.PROBLEM, SPECIAL))
    if tree.versioned:
        reason = "a repository's history can hold what the files no longer show"
        found.append(Finding(".git", Kind.FILE, "history", "found", Weight.NOTE, reason))
    return found


def is_in_risky_folder(file: str) -> bool:
    """Tell whether a file lies in a folder that is told as a whole."""
    return any(part in FOLDERS for part in PurePosixPath(file).parts[:-1])


def _folders(files: Iterable[str]) -> Iterator[Finding]:
    counts: dict[tuple[str, str], int] = {}
    for file in files:
        parts = PurePosixPath(file).parts
        depth = next((n for n, part in enumerate(parts[:-1]) if part in FOLDERS), None)
        if depth is not None:
            key = "/".join(parts[: depth + 1]), parts[depth]
            counts[key] = counts.get(key, 0) + 1
    for (folder, name), n in counts.items():
        reason = f"{FOLDERS[name]} ({n} files)"
        yield Finding(folder, Kind.FILE, "folder", "found", Weight.PROBLEM, reason)


def _judge(tree: Tree, file: str) -> Finding | None:
    path = PurePosixPath(file)
    if OUR_FIGURES in path.parts and tree.is_ours(file):
        return None
    rule = next((rule for rule in RULES if rule.names.search(file)), None)
    if rule is None and not _KNOWN_TEXT.search(file) and _is_dicom(tree.root / file):
        rule = RULES[0]
    if rule is None or _is_harmless(rule, path, tree):
        return None
    weight = rule.weight
    if rule is POINTS and _points(tree.root / file) < LEAST_POINTS:
        weight = Weight.NOTE
    return Finding(file, Kind.FILE, rule.item, "found", weight, rule.reason)


def _is_harmless(rule: Rule, path: PurePosixPath, tree: Tree) -> bool:
    if rule.item in ("picture", "video", "sound"):
        return any(part in NO_PORTRAITS for part in path.parts)
    if rule is HEAD_MASK:
        # Ours are made of boxes.
        return tree.is_ours(path.as_posix())
    return rule is MESH and bool(BRAIN_SURFACE.search(path.name))


def _is_dicom(path: Path) -> bool:
    """Tell whether a file bears DICOM's mark."""
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def _points(path: Path) -> int:
    """Return how many lines of a file of points hold a place; what is no text has enough."""
    try:
        if path.stat().st_size > MOST_BYTES:
            return LEAST_POINTS
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return LEAST_POINTS
    place = re.compile(r"(-?\d+(\.\d+)?(e[-+]?\d+)?[\s,]+){2}-?\d", re.IGNORECASE)
    return sum(bool(place.search(line)) for line in lines)
