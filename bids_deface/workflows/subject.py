"""Workflow for one subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nipype.interfaces.base import Undefined
from nipype.interfaces.utility import Merge
from nipype.pipeline.engine import Node, Workflow

from bids_deface.containers.load import voxel_count
from bids_deface.dataset.names import node_name
from bids_deface.dataset.plan import Action, PlannedImage
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.sessions import Regions, is_one_scan
from bids_deface.errors import DefaceError
from bids_deface.interfaces.detect import DetectFeatures
from bids_deface.interfaces.sink import StoreDerivatives
from bids_deface.kinds import Level
from bids_deface.settings import DefaceSettings
from bids_deface.workflows.deface import LIGHT_GB, MEM_GB, init_deface_wf


@dataclass(frozen=True)
class RunSettings:
    """What the nodes of a run need to know.

    Attributes
    ----------
    deface
        Features and methods.
    model
        Weights file; None takes the package's own.
    device
        Torch device.
    omp_nthreads
        CPU threads of a node.
    keep_extensions
        Keep header extensions that can hold names.
    """

    deface: DefaceSettings
    model: str | None = None
    device: str = "cpu"
    omp_nthreads: int = 1
    keep_extensions: bool = False


def peak_memory_gb(path: Path) -> float:
    """Estimate the peak memory of a node from the number of voxels; :data:`MEM_GB` if unknown.

    Measured in processes of their own: 0.76 GiB for detection, 0.86 GiB for the pictures of a
    1 mm scan, 2.1 GiB for those of 0.6 mm, which need most.
    """
    try:
        voxels = voxel_count(path)
    except DefaceError:
        return MEM_GB
    return round(0.9 + voxels * 32 / 2**30, 2)


def init_subject_wf(
    *, images: Sequence[PlannedImage], settings: RunSettings, name: str
) -> Workflow:
    """Build the graph of one subject: detect, where images share; deface; store.

    Parameters
    ----------
    images
        Planned images of the subject; those done before are there for their regions only.
    settings
        Settings of the run.
    name
        Name of the workflow.
    """
    workflow = Workflow(name=name)
    todo = [image for image in images if image.action is Action.DEFACE]
    leaders = {i.references[0].relative for i in todo if i.regions is Regions.FAMILY}
    made = [i for i in images if i in todo or i.record.relative in leaders]
    said = {i.record.relative: i.correction.as_text() for i in images if i.correction}
    detected = _detect_nodes(made, settings, said)
    graphs = {i.record.relative: _deface_graph(i, settings) for i in made}
    for image in made:
        deface_wf = graphs[image.record.relative]
        if image.regions is not Regions.OWN or image.references:
            _lend(workflow, image, deface_wf, detected, graphs)
        else:
            workflow.add_nodes([deface_wf])
        if image in todo:
            _store(workflow, image, deface_wf)
    return workflow


def _detect_nodes(
    images: Sequence[PlannedImage], settings: RunSettings, corrections: Mapping[str, str]
) -> dict[str, Node]:
    """Return a node for each image whose detection serves itself and others."""
    records: dict[str, ImageRecord] = {}
    for image in images:
        own = (image.record,) if image.regions is Regions.OWN and image.references else ()
        others = image.references[1 if image.regions is Regions.FAMILY else 0 :]
        records.update({r.relative: r for r in (*own, *others)})
    return {
        relative: Node(
            DetectFeatures(
                in_file=str(record.path),
                model=settings.model or Undefined,
                device=settings.device,
                use_gpu=settings.device != "cpu",
                num_threads=settings.omp_nthreads,
                # Who lends regions lends corrected ones.
                correction=corrections.get(relative, ""),
            ),
            name=f"detect_{node_name(record)}",
            n_procs=settings.omp_nthreads,
            mem_gb=peak_memory_gb(record.path),
        )
        for relative, record in records.items()
    }


def _deface_graph(image: PlannedImage, settings: RunSettings) -> Workflow:
    detects = image.regions is Regions.OWN and not image.references
    deface_wf = init_deface_wf(
        # At the level face there is no choice of features.
        features=None if settings.deface.level is Level.FACE else settings.deface.names,
        methods=settings.deface.chosen_methods,
        protocol=settings.deface.protocol,
        level=settings.deface.level.value,
        on_doubt=settings.deface.on_doubt.value,
        random_seed=settings.deface.random_seed,
        model=settings.model,
        # Where detection has a node of its own, this one needs no GPU.
        device=settings.device if detects else "cpu",
        omp_nthreads=settings.omp_nthreads,
        keep_extensions=settings.keep_extensions,
        mem_gb=max(peak_memory_gb(r.path) for r in (image.record, *image.references)),
        inherit=image.regions is not Regions.OWN,
        shows_tissue=image.record.shows_tissue and image.regions is Regions.OWN,
        one_scan=image.regions is Regions.FAMILY
        and is_one_scan(image.record, image.references[0]),
        fill="uniform" if image.record.is_phase else "tissue",
        correction=image.correction.as_text() if image.correction else "",
        landmarks=settings.deface.landmarks,
        name=f"deface_{node_name(image.record)}_wf",
    )
    deface_wf.inputs.inputnode.in_file = str(image.record.path)
    deface_wf.inputs.inputnode.source = image.record.relative
    return deface_wf


def _lend(
    workflow: Workflow,
    image: PlannedImage,
    deface_wf: Workflow,
    detected: Mapping[str, Node],
    graphs: Mapping[str, Workflow],
) -> None:
    """Tell one image what is known of itself and of the others of its session."""
    deface_wf.inputs.inputnode.reference_names = [r.stem for r in image.references]
    deface_wf.inputs.inputnode.reference_files = [str(r.path) for r in image.references]
    merge = Node(
        Merge(len(image.references)), name=f"gather_{node_name(image.record)}", mem_gb=LIGHT_GB
    )
    for n, reference in enumerate(image.references, 1):
        if n == 1 and image.regions is Regions.FAMILY:
            lender, field = graphs[reference.relative], "outputnode.out_features"
        else:
            lender, field = detected[reference.relative], "out_features"
        workflow.connect(lender, field, merge, f"in{n}")
    workflow.connect(merge, "out", deface_wf, "inputnode.reference_features")
    if image.regions is Regions.OWN:
        detect = detected[image.record.relative]
        workflow.connect(detect, "out_features", deface_wf, "inputnode.in_features")


def _store(workflow: Workflow, image: PlannedImage, deface_wf: Workflow) -> None:
    store = Node(
        StoreDerivatives(planned=image), name=f"store_{node_name(image.record)}", mem_gb=LIGHT_GB
    )
    # fmt: off
    workflow.connect([
        (deface_wf, store, [
            ("outputnode.out_result", "in_result"), ("outputnode.out_file", "in_file"),
            ("outputnode.out_mask", "in_mask"), ("outputnode.out_dseg", "in_dseg"),
            ("outputnode.figures", "figures"),
            ("outputnode.private_figures", "private_figures"),
        ]),
    ])
    # fmt: on
