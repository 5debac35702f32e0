"""Workflow for one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nipype.interfaces.utility import IdentityInterface
from nipype.pipeline.engine import Node, Workflow

from bids_deface import __version__
from bids_deface.interfaces.deface import Deface
from bids_deface.interfaces.plot import PlotPictures
from bids_deface.settings import Seed

#: Peak memory of a node for a 0.7 mm whole-head scan, GiB.
MEM_GB = 1.6
#: Of a node that computes nothing: Python and its libraries.
LIGHT_GB = 0.4
KNOWN = ("in_features", "reference_names", "reference_files", "reference_features")
MADE = ("out_result", "out_file", "out_mask", "out_dseg", "out_features")
DRAWN = ("figures", "private_figures")


def init_deface_wf(
    *,
    features: Sequence[str] | None = None,
    protocol: str = "default",
    level: str = "features",
    on_doubt: str = "review",
    random_seed: int | None = None,
    model: str | None = None,
    methods: Mapping[str, str] | None = None,
    device: str = "cpu",
    omp_nthreads: int = 1,
    keep_extensions: bool = False,
    mem_gb: float = MEM_GB,
    inherit: bool = False,
    shows_tissue: bool = True,
    one_scan: bool = False,
    fill: str = "tissue",
    correction: str = "",
    landmarks: bool = False,
    name: str = "deface_wf",
) -> Workflow:
    """Build a graph that hides the facial features of one head scan.

    It reads no settings but its arguments, writes into its nodes' folders only, and its nodes run
    under any plugin. Its ``__desc__`` is for the methods section; the keys in it are those of
    :func:`bids_deface.reports.citation.bibliography`.

    Parameters
    ----------
    features
        Features to hide; None takes all of the protocol's and all of the model's own.
    protocol
        ``default`` or ``jeong2020``.
    level
        ``features``, or ``face`` for the whole facial surface.
    on_doubt
        What becomes of a doubtful image: ``review``, ``strict`` or ``remove-face``.
    random_seed
        Seed of the random fill, for tests only.
    model
        Weights file; None takes the package's own.
    methods
        How features are hidden that only this model knows, where not as its table says.
    device
        Torch device of the detector.
    omp_nthreads
        CPU threads of a node.
    keep_extensions
        Keep header extensions that can hold names.
    mem_gb
        Peak memory of a node, GiB.
    inherit
        Take the regions of the first reference that fits, without a detection of its own.
    shows_tissue
        Whether the image shows the skin; else (maps, phase) a reference's surface stands in.
    one_scan
        Whether the first reference came out of the same acquisition: the head cannot have moved.
    fill
        ``tissue``, or ``uniform`` for phase images: noise over the image's own range.
    correction
        What a reviewer says of the image's regions, as text; see
        :meth:`bids_deface.corrections_file.ImageCorrection.as_text`.
    landmarks
        Estimate nasion and preauricular points, for the record.
    name
        Name of the workflow.

    Inputs
    ------
    in_file
        Head scan.
    source
        Its name in records and messages.
    in_features
        What :class:`~bids_deface.interfaces.detect.DetectFeatures` knows of it; if unset, the
        features are detected here.
    reference_names, reference_files, reference_features
        Other images of the session and what is known of them, best first.

    Outputs
    -------
    out_result
        Record of the decision (JSON), also for an image that cannot be defaced.
    out_file, out_mask, out_dseg
        Defaced scan, mask of what may have changed, regions; undefined where there is no result.
        With ``on_doubt="review"`` a doubtful result is among them: ask ``out_result``.
    figures, private_figures
        Pictures: to share, and of the original.
    out_features
        What is known of the image, for others of its family.
    """
    workflow = Workflow(name=name)
    what = "The whole face was" if level == "face" else "Facial features were"
    workflow.__desc__ = (
        f"{what} hidden with *bids-deface* {__version__} (protocol {protocol}), in which an "
        "attention-gated 3D U-Net [@schlemper2019] locates eyes, nose, ears and mouth "
        "[after @jeong2020].\n"
    )
    inputnode = Node(IdentityInterface(fields=["in_file", "source", *KNOWN]), name="inputnode")
    outputnode = Node(IdentityInterface(fields=[*MADE, *DRAWN]), name="outputnode")
    deface = Node(
        Deface(
            protocol=protocol,
            level=level,
            on_doubt=on_doubt,
            keep_extensions=keep_extensions,
            device=device,
            use_gpu=device != "cpu",
            num_threads=omp_nthreads,
            inherit=inherit,
            shows_tissue=shows_tissue,
            one_scan=one_scan,
            fill=fill,
            correction=correction,
            landmarks=landmarks,
        ),
        name="deface",
        n_procs=omp_nthreads,
        mem_gb=mem_gb,
    )
    if model is not None:
        deface.inputs.model = model
    deface.inputs.methods = dict(methods or {})
    if features is not None:
        deface.inputs.features = list(features)
    if random_seed is not None:
        deface.inputs.random_seed = Seed(random_seed)
    plot = Node(PlotPictures(), name="plot", mem_gb=mem_gb)
    # fmt: off
    workflow.connect([
        (inputnode, deface, [(field, field) for field in ("in_file", "source", *KNOWN)]),
        (inputnode, plot, [("in_file", "original")]),
        (deface, plot, [
            ("out_file", "in_file"), ("out_mask", "in_mask"), ("out_dseg", "in_dseg"),
            ("threshold", "threshold"), ("turn", "turn"), ("out_features", "in_features"),
        ]),
        (deface, outputnode, [(field, field) for field in MADE]),
        (plot, outputnode, [(field, field) for field in DRAWN]),
    ])
    # fmt: on
    return workflow
