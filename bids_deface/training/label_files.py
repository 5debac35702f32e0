"""Label tables as the programs read them in which people draw: names and colours."""

from __future__ import annotations

from collections.abc import Sequence

from bids_deface.anatomy import Label
from bids_deface.textfiles import table_text

#: File name to the program that reads it.
PROGRAMS = {
    "dseg.tsv": "BIDS; 3D Slicer (import as colour table)",
    "itksnap_labels.txt": "ITK-SNAP: Segmentation > Import Label Descriptions",
    "fsleyes.lut": "FSLeyes: Settings > Overlay, look-up table, load",
    "slicer_labels.ctbl": "3D Slicer: load as Color Table, choose it for the label map",
}


def label_files(rows: Sequence[Label]) -> dict[str, str]:
    """Return the content of each file of `PROGRAMS`.

    Parameters
    ----------
    rows
        Of the look-up table.
    """
    return {
        "dseg.tsv": table_text(
            ("index", "name", "color"),
            [(0, "background", "#000000"), *((r.index, r.name, r.color) for r in rows)],
        ),
        "itksnap_labels.txt": _itksnap(rows),
        "fsleyes.lut": _fsleyes(rows),
        "slicer_labels.ctbl": _slicer(rows),
    }


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _itksnap(rows: Sequence[Label]) -> str:
    """Return a label description file: index, red, green, blue, opacity, visible, mesh, name."""
    lines = [
        "# ITK-SNAP label description",
        '    0     0    0    0        0  0  0    "Clear Label"',
    ]
    for row in rows:
        red, green, blue = _rgb(row.color)
        lines.append(
            f'{row.index:5d} {red:5d} {green:4d} {blue:4d}        1  1  1    "{row.name}"'
        )
    return "\n".join(lines) + "\n"


def _fsleyes(rows: Sequence[Label]) -> str:
    """Return a look-up table: index, red, green, blue from 0 to 1, name."""
    lines = []
    for row in rows:
        red, green, blue = (value / 255 for value in _rgb(row.color))
        lines.append(f"{row.index} {red:.5f} {green:.5f} {blue:.5f} {row.name}")
    return "\n".join(lines) + "\n"


def _slicer(rows: Sequence[Label]) -> str:
    """Return a colour table: index, name without blanks, red, green, blue, opacity to 255."""
    lines = ["# Color table file", "0 background 0 0 0 0"]
    for row in rows:
        red, green, blue = _rgb(row.color)
        lines.append(f"{row.index} {row.name.replace(' ', '_')} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"
