"""What a page is made of, as data: the template knows how each kind of block looks."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Words:
    """A paragraph.

    Attributes
    ----------
    text
        What it says.
    """

    text: str
    kind: str = field(default="words", init=False)


@dataclass(frozen=True)
class Listing:
    """A list.

    Attributes
    ----------
    items
        One line each.
    """

    items: tuple[str, ...]
    kind: str = field(default="listing", init=False)


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes
    ----------
    text
        What it says.
    over
        Whether it is beyond its limit.
    color
        Of the patch before it, ``#rrggbb``; empty for none.
    """

    text: str
    over: bool = False
    color: str = ""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes
    ----------
    columns
        Their heads.
    rows
        Cells, one for each column.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Picture:
    """A picture in a file beside the page.

    Attributes
    ----------
    path
        Relative to the page.
    caption
        What it shows.
    """

    path: str
    caption: str
    kind: str = field(default="picture", init=False)


@dataclass(frozen=True)
class Comparison:
    """Two pictures of the same size, one over the other, with a slider between them.

    Attributes
    ----------
    before, after
        Relative to the page.
    caption
        What they show.
    """

    before: str
    after: str
    caption: str
    kind: str = field(default="comparison", init=False)


@dataclass(frozen=True)
class Turnable:
    """A head that can be turned.

    Attributes
    ----------
    mesh
        Of :func:`bids_deface.reports.surface.packed`.
    caption
        What it shows.
    """

    mesh: str
    caption: str
    kind: str = field(default="turnable", init=False)


@dataclass(frozen=True)
class Quotation:
    """Text to copy.

    Attributes
    ----------
    text
        As it is to be pasted.
    """

    text: str
    kind: str = field(default="quotation", init=False)


Block = Words | Listing | Table | Picture | Comparison | Turnable | Quotation


@dataclass(frozen=True)
class Section:
    """Blocks under a heading.

    Attributes
    ----------
    title
        The heading.
    blocks
        In order; a section without blocks is not shown.
    """

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class ImageReport:
    """All that a page says of one image.

    Attributes
    ----------
    source
        Raw image, relative to its dataset.
    verdict
        PASS, REVIEW or FAIL.
    sections
        In order.
    """

    source: str
    verdict: str
    sections: tuple[Section, ...]
