"""Workflow for a whole run."""

from __future__ import annotations

from pathlib import Path

from nipype.pipeline.engine import Workflow

from bids_deface.dataset.plan import Action, Plan
from bids_deface.workflows.subject import RunSettings, init_subject_wf


def init_bids_deface_wf(
    *, plan: Plan, settings: RunSettings, work_dir: Path, name: str = "bids_deface_wf"
) -> Workflow:
    """Build the graph of everything that is to be done.

    Parameters
    ----------
    plan
        What was decided for each image.
    settings
        Settings of the run.
    work_dir
        Folder of intermediate files.
    name
        Name of the workflow.
    """
    workflow = Workflow(name=name, base_dir=str(work_dir))
    for subject in plan.subjects:
        images = [image for image in plan.images if image.record.subject == subject]
        if any(image.action is Action.DEFACE for image in images):
            workflow.add_nodes(
                [init_subject_wf(images=images, settings=settings, name=f"sub_{subject}_wf")]
            )
    return workflow
