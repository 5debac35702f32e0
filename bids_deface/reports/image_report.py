"""From the record of one image to what a page says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from bids_deface.anatomy import LABELS
from bids_deface.assurance.residues import LIMITS, ResidueLimits
from bids_deface.detection.corrections import CORRECTED
from bids_deface.kinds import PRIVATE
from bids_deface.reports.blocks import (
    Block,
    Cell,
    Comparison,
    ImageReport,
    Listing,
    Picture,
    Quotation,
    Section,
    Table,
    Turnable,
    Words,
)
from bids_deface.reports.citation import methods_text, numbered_references
from bids_deface.reports.records import shareable_pictures
from bids_deface.reports.surface import load_surface, packed

Record = Mapping[str, Any]
#: Bytes of meshes that one page may hold: a page stays below 5 MB.
MOST_MESH_BYTES: Final = 4_000_000
_COLORS: Final = {label.name: label.color for label in LABELS}
#: Of a region that no record tells the colour of.
_GREY: Final = "#888888"
_LIMIT_OF: Final = {
    label.name: (LIMITS[label.index], label.feature) for label in LABELS if label.feature
}


class Files:
    """The pictures of one image, by what they show.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    record
        Of the image.
    private
        Whether the page lies in the private folder, where everything may be shown.
    """

    def __init__(self, output_dir: Path, record: Record, *, private: bool) -> None:
        self.output_dir, self.private = output_dir, private
        everything = [str(n) for n in record.get("Files", []) if "/figures/" in str(n)]
        self._known = everything if private else shareable_pictures(dict(record))

    def path(self, what: str) -> Path | None:
        """Return a picture's place; None where there is none that this page may show."""
        for name in self._known:
            if f"_desc-{what}" in name:
                path = self.output_dir / name
                return path if path.is_file() else None
        return None

    def link(self, what: str) -> str:
        """Return a picture's place as seen from the page; empty where there is none."""
        path = self.path(what)
        if path is None:
            return ""
        name = path.relative_to(self.output_dir).as_posix()
        if not self.private:
            return name
        own = f"{PRIVATE}/"
        return name.removeprefix(own) if name.startswith(own) else f"../{name}"


class MeshBudget:
    """How many bytes of meshes a page may still hold."""

    def __init__(self) -> None:
        self.left = MOST_MESH_BYTES

    def mesh(self, path: Path | None) -> str:
        """Return the mesh in a file, packed; empty where there is none or no room for it."""
        text = _packed(path, path.stat().st_mtime_ns) if path else ""
        if len(text) > self.left:
            return ""
        self.left -= len(text)
        return text


@lru_cache(maxsize=32)
def _packed(path: Path, stamp: int) -> str:
    """Pack a mesh once for both pages of a subject; ``stamp`` tells one version from another."""
    del stamp
    return packed(load_surface(path))


def image_report(record: Record, files: Files, budget: MeshBudget) -> ImageReport:
    """Return what the shareable page says of one image."""
    builders: tuple[tuple[str, Callable[[], list[Block]]], ...] = (
        ("", lambda: _reasons(record)),
        ("The head after defacing", lambda: _head(files, budget)),
        ("Slices", lambda: _slices(files)),
        ("Checks", lambda: _checks(record)),
        ("What is left of each feature", lambda: _residues(record)),
        ("Regions", lambda: _regions(record)),
        ("Settings", lambda: _settings(record)),
        ("Methods text", lambda: _methods(record)),
    )
    sections = [Section(title, tuple(build())) for title, build in builders]
    return ImageReport(
        str(record["Source"]), str(record["Verdict"]), tuple(s for s in sections if s.blocks)
    )


def comparison_report(record: Record, files: Files, budget: MeshBudget) -> ImageReport:
    """Return what the private page says of one image: the same, and before beside after."""
    report = image_report(record, files, budget)
    pairs = (
        ("originalhead", "defaced", "Shaded head"),
        (
            "originalregions",
            "originalafter",
            "Slices; outlines: regions as found, dotted: what changed",
        ),
    )
    shown = tuple(
        Comparison(files.link(before), files.link(after), caption)
        for before, after, caption in pairs
        if files.link(before) and files.link(after)
    )
    first, rest = report.sections[:1], report.sections[1:]
    between = (Section("Before and after", shown),) if shown else ()
    return replace(report, sections=(*first, *between, *rest))


def _reasons(record: Record) -> list[Block]:
    """Say why, and what to do; else what was done."""
    blocks: list[Block] = []
    if record["Reasons"]:
        blocks.append(Listing(tuple(record["Reasons"])))
        blocks.append(Words(record.get("Hint") or ""))
    elif record.get("ChangedVoxels"):
        hidden = ", ".join(record["Features"])
        what = (
            "The whole face was replaced" if record.get("Level") == "face" else f"Hidden: {hidden}"
        )
        blocks.append(Words(f"{what}; no brain voxel changed."))
    if record.get("RegionsFrom"):
        blocks.append(Words(f"Regions taken from {record['RegionsFrom']}."))
    blocks += [Words(f"Note: {note}.") for note in record.get("Notes", [])]
    return blocks


def _head(files: Files, budget: MeshBudget) -> list[Block]:
    blocks: list[Block] = []
    if files.link("defaced"):
        blocks.append(Picture(files.link("defaced"), "Shaded, from four sides"))
    mesh = budget.mesh(files.path("surface"))
    if mesh:
        blocks.append(Turnable(mesh, "Turn it: drag, or the arrow keys; + and - zoom"))
    return blocks


def _slices(files: Files) -> list[Block]:
    link = files.link("regions")
    caption = (
        "Slices through each feature and the brain: boxes around the regions, the outline of the "
        "brain, and where voxels may have changed (dotted), never in the brain"
    )
    return [Picture(link, caption)] if link else []


def _checks(record: Record) -> list[Block]:
    """Numbers, each with its limit."""
    if "ChangedVoxels" not in record:
        return []
    rows = [
        _limited(
            "Brain voxels changed (with a margin of 3 mm)", record["ChangedVoxelsInBrain"], 0
        ),
        _limited("Voxels changed outside the mask", record["ChangedVoxelsOutsideMask"], 0),
        *(
            _limited(
                f"Views in which {name} finds a face (before: {record['FaceViewsBefore'][name]})",
                n_views,
                0,
            )
            for name, n_views in (record.get("FaceViewsAfter") or {}).items()
        ),
        _free("Voxels changed", f"{record['ChangedVoxels']:,}"),
        _free("Share of the image", f"{100 * record['ChangedShare']:.2f} %"),
        _free("Voxels spared for the brain", f"{record.get('VoxelsSparedForBrain', 0):,}"),
        _free("Brain", f"{record['BrainMl']} ml"),
        _free("Time", f"{record.get('Seconds', 0)} s"),
    ]
    blocks: list[Block] = [Table(("Check", "Value", "Limit"), tuple(rows))]
    if not record.get("FaceViewsAfter"):
        blocks.append(
            Words("No face was looked for: no threshold parts skin from air in this image.")
        )
    return blocks


def _limited(name: str, value: float, limit: float) -> tuple[Cell, ...]:
    return Cell(name), Cell(f"{value:g}", over=value > limit), Cell(f"{limit:g}")


def _free(name: str, value: str) -> tuple[Cell, ...]:
    return Cell(name), Cell(value), Cell("")


def _residues(record: Record) -> list[Block]:
    rows = []
    for name, residue in (record.get("Residues") or {}).items():
        limits = _limits(record, name)
        rows.append(
            (
                Cell(name, color=_COLORS[name]),
                _against(residue["HeightMm"], limits.height_mm),
                _against(residue["ReliefMm"], limits.relief_mm),
                _against(residue["TissueMl"], limits.tissue_ml),
            )
        )
    columns = ("Region", "Stands out by, mm", "Relief, mm", "Tissue as it was, ml")
    blocks: list[Block] = [Table(columns, tuple(rows))] if rows else []
    own = tuple(
        (Cell(name, color=_color(record, name)), _against(left["LeftMl"], left["LimitMl"]))
        for name, left in (record.get("ExtraUntouched") or {}).items()
    )
    if own:
        blocks.append(Table(("Feature of this model", "As it was, ml"), own))
    return blocks


def _limits(record: Record, name: str) -> ResidueLimits:
    """Return the limits of a region: none where it was to stay, no heights on a new face."""
    limits, feature = _LIMIT_OF[name]
    if feature not in record["Features"]:
        return ResidueLimits()
    return replace(limits, height_mm=math.inf) if record.get("Level") == "face" else limits


def _against(value: float, limit: float) -> Cell:
    """Return a number, with its limit where there is one."""
    bounded = limit < math.inf
    return Cell(f"{value:g} (limit {limit:g})" if bounded else f"{value:g}", over=value > limit)


def _color(record: Record, name: str) -> str:
    """Return the colour of a region."""
    own = {row["Name"]: row["Color"] for row in record.get("ExtraLabels", [])}
    return str({**own, **_COLORS}.get(name, _GREY))


def _regions(record: Record) -> list[Block]:
    rows = tuple(
        (
            Cell(name, color=_color(record, name)),
            Cell(
                region["Status"].replace("_", " ")
                + (f", {CORRECTED}" if region.get("Corrected") else "")
            ),
            Cell(f"{region['VolumeMl']}"),
            Cell(f"{region['Confidence']}"),
        )
        for name, region in record.get("Regions", {}).items()
    )
    return [Table(("Region", "Status", "Volume, ml", "Confidence"), rows)] if rows else []


def _settings(record: Record) -> list[Block]:
    rows = [
        ("Level", record.get("Level", "")),
        ("Protocol", record.get("Protocol", "")),
        ("Features", ", ".join(record.get("Features", []))),
        ("In doubt", record.get("OnDoubt", "")),
        ("Regions", _origin(record)),
        ("Orientation", record.get("Orientation", "")),
        ("Version", record.get("Version", "")),
        ("Weights (SHA-256)", record.get("WeightsSHA256", "")),
    ]
    shown = tuple((Cell(name), Cell(str(value))) for name, value in rows if value)
    return [Table(("Setting", "Value"), shown)]


def _origin(record: Record) -> str:
    """Say where the regions come from; empty where there are none."""
    if "Regions" not in record:
        return ""
    lent = record.get("RegionsFrom")
    return f"inherited from {lent}" if lent else "detected in this image"


def _methods(record: Record) -> list[Block]:
    level, protocol, methods = (record.get(key) for key in ("Level", "Protocol", "Methods"))
    if record["Verdict"] != "PASS" or not (record.get("ChangedVoxels") and level and methods):
        return []
    text = methods_text(str(level), str(protocol), methods)
    return [Quotation("\n\n".join((text, *numbered_references())))]
