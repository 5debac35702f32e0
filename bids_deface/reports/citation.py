"""Methods text to paste into a paper."""

from __future__ import annotations

from bids_deface import __version__
from bids_deface.settings import DefaceSettings

REFERENCES = (
    (
        "Jeong YU, Yoo S, Kim YH, Shim WH. De-Identification of Facial Features in Magnetic "
        "Resonance Images: Software Development Using Deep Learning Technology. J Med Internet "
        "Res 2020;22(12):e22739. doi:10.2196/22739"
    ),
    (
        "Schlemper J, Oktay O, Schaap M, et al. Attention gated networks: Learning to leverage "
        "salient regions in medical images. Med Image Anal 2019;53:197-207. "
        "doi:10.1016/j.media.2019.01.012"
    ),
    (
        "Gorgolewski K, Burns CD, Madison C, et al. Nipype: a flexible, lightweight and "
        "extensible neuroimaging data processing framework in Python. Front Neuroinform "
        "2011;5:13. doi:10.3389/fninf.2011.00013"
    ),
)


def citation_text(settings: DefaceSettings) -> str:
    """Return the methods paragraph and its references as Markdown."""
    what = "; ".join(f"{name}: {text}" for name, text in settings.descriptions.items())
    references = "\n".join(f"{n}. {text}" for n, text in enumerate(REFERENCES, start=1))
    return (
        f"Facial features were hidden with *bids-deface* {__version__} (level "
        f"{settings.level}, protocol {settings.protocol}), after Jeong et al. [1]. An "
        "attention-gated 3D U-Net [2] located "
        f"the features on a 2 mm grid; they were distorted in the scan's own grid ({what}). "
        "Voxels of the predicted brain and within 3 mm of it were left unchanged, and voxels "
        "outside the published mask are bit-identical to the original. The workflow runs on "
        f"Nipype [3].\n\n### References\n\n{references}\n"
    )
