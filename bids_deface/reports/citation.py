"""Methods text to paste into a paper, and its references."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bids_deface import __version__


@dataclass(frozen=True)
class Reference:
    """A journal article.

    Attributes
    ----------
    key
        For BibTeX.
    authors
        Family name and initials each; the last may be ``others``.
    title, journal, year, volume, pages, doi
        As usual.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    journal: str
    year: int
    volume: str
    pages: str
    doi: str

    @property
    def text(self) -> str:
        """One line, as in a list of references."""
        names = ", ".join("et al" if name == "others" else name for name in self.authors)
        return (
            f"{names}. {self.title}. {self.journal} {self.year};{self.volume}:{self.pages}. "
            f"doi:{self.doi}"
        )

    @property
    def bibtex(self) -> str:
        """One entry of a ``.bib`` file."""
        authors = " and ".join(
            name if name == "others" else ", ".join(name.rsplit(" ", 1)) for name in self.authors
        )
        fields = {
            "author": authors,
            "title": f"{{{self.title}}}",
            "journal": self.journal,
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "doi": self.doi,
        }
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@article{{{self.key},\n{lines}\n}}\n"


REFERENCES = (
    Reference(
        "jeong2020",
        ("Jeong YU", "Yoo S", "Kim YH", "Shim WH"),
        "De-Identification of Facial Features in Magnetic Resonance Images: Software Development "
        "Using Deep Learning Technology",
        "J Med Internet Res", 2020, "22(12)", "e22739", "10.2196/22739",
    ),
    Reference(
        "schlemper2019",
        ("Schlemper J", "Oktay O", "Schaap M", "others"),
        "Attention gated networks: Learning to leverage salient regions in medical images",
        "Med Image Anal", 2019, "53", "197-207", "10.1016/j.media.2019.01.012",
    ),
    Reference(
        "gorgolewski2011",
        ("Gorgolewski K", "Burns CD", "Madison C", "others"),
        "Nipype: a flexible, lightweight and extensible neuroimaging data processing framework in "
        "Python",
        "Front Neuroinform", 2011, "5", "13", "10.3389/fninf.2011.00013",
    ),
)  # fmt: skip


def methods_text(level: str, protocol: str, descriptions: Mapping[str, str]) -> str:
    """Return the methods paragraph.

    Parameters
    ----------
    level, protocol
        As given to ``--level`` and ``--protocol``.
    descriptions
        What was hidden, and how.
    """
    what = "; ".join(f"{name}: {text}" for name, text in descriptions.items())
    return (
        f"Facial features were hidden with bids-deface {__version__} (level {level}, protocol "
        f"{protocol}), after Jeong et al. [1]. An attention-gated 3D U-Net [2] located the "
        f"features on a 2 mm grid; they were distorted in the scan's own grid ({what}). Voxels of "
        "the predicted brain and within 3 mm of it were left unchanged, and voxels outside the "
        "published mask are bit-identical to the original. The workflow runs on Nipype [3]."
    )


def numbered_references() -> tuple[str, ...]:
    """Return the references of :func:`methods_text`, in order."""
    return tuple(f"{n}. {reference.text}" for n, reference in enumerate(REFERENCES, start=1))


def citation_text(level: str, protocol: str, descriptions: Mapping[str, str]) -> str:
    """Return the methods paragraph and its references as Markdown; see :func:`methods_text`."""
    paragraph = methods_text(level, protocol, descriptions)
    return f"{paragraph}\n\n### References\n\n" + "\n".join(numbered_references()) + "\n"


def bibliography() -> str:
    """Return the references as BibTeX."""
    return "\n".join(reference.bibtex for reference in REFERENCES)
