"""Workflow for one subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nipype.pipeline.engine import Node, Workflow

from bids_deface.containers.load import voxel_count
from bids_deface.dataset.names import node_name
from bids_deface.dataset.plan import PlannedImage
from bids_deface.deface import DefaceSettings
from bids_deface.errors import DefaceError
from bids_deface.interfaces.sink import StoreDerivatives
from bids_deface.workflows.deface import MEM_GB, init_deface_wf


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
    """Estimate the peak memory of a node from the number of voxels; 1.5 GiB where unknown."""
    try:
        voxels = voxel_count(path)
    except DefaceError:
        return MEM_GB
    # Libraries and network; stored voxels before and after, float32, masks, headroom.
    return round(0.9 + voxels * 40 / 2**30, 2)


def init_subject_wf(
    *, images: Sequence[PlannedImage], settings: RunSettings, name: str
) -> Workflow:
    """Build the graph of one subject: every image on its own.

    Parameters
    ----------
    images
        Planned images of the subject.
    settings
        Settings of the run.
    name
        Name of the workflow.
    """
    workflow = Workflow(name=name)
    for planned in images:
        stem = node_name(planned.record.stem)
        deface_wf = init_deface_wf(
            features=settings.deface.features,
            protocol=settings.deface.protocol,
            random_seed=settings.deface.random_seed,
            model=settings.model,
            device=settings.device,
            omp_nthreads=settings.omp_nthreads,
            keep_extensions=settings.keep_extensions,
            mem_gb=peak_memory_gb(planned.record.path),
            name=f"deface_{stem}_wf",
        )
        deface_wf.inputs.inputnode.in_file = str(planned.record.path)
        deface_wf.inputs.inputnode.source = planned.record.relative
        store = Node(StoreDerivatives(planned=planned), name=f"store_{stem}", mem_gb=0.2)
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
    return workflow
