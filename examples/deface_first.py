"""Deface first, in a workflow of one's own, in fMRIPrep's manner.

A T1w scan is defaced, freed of its bias field and stripped of its skull; the brain comes out of
the defaced scan, so that no later file of the workflow shows the face::

    python examples/deface_first.py sub-01_T1w.nii.gz brain.nii.gz --work-dir /scratch/work
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from nipype.interfaces.io import ExportFile
from nipype.interfaces.utility import Function, IdentityInterface
from nipype.pipeline.engine import Node, Workflow

from bids_deface.workflows import init_deface_wf


def correct_bias(in_file: str) -> str:
    """Divide a scan by its smooth bias field; in your workflow: ANTs' N4BiasFieldCorrection."""
    from pathlib import Path

    import nibabel as nib
    import numpy as np
    from scipy import ndimage

    image = nib.load(in_file)
    data = np.asanyarray(image.dataobj).astype(np.float32)
    head = data > data.mean()
    sigma = [40 / zoom for zoom in image.header.get_zooms()[:3]]
    log = np.where(head, np.log(np.maximum(data, 1)), 0)
    weight = np.maximum(ndimage.gaussian_filter(head.astype(np.float32), sigma), 1e-3)
    field = ndimage.gaussian_filter(log, sigma) / weight
    corrected = data / np.exp(field - field[head].mean())
    out_file = Path.cwd() / "corrected.nii"
    nib.save(nib.Nifti1Image(corrected, image.affine), out_file)
    return str(out_file)


def strip_skull(in_file: str, in_dseg: str) -> str:
    """Keep the brain that was found for defacing; in your workflow: your own skull-stripping."""
    from pathlib import Path

    import nibabel as nib
    import numpy as np

    from bids_deface.anatomy import BRAIN

    image = nib.load(in_file)
    brain = np.asanyarray(nib.load(in_dseg).dataobj) == BRAIN
    out_file = Path.cwd() / "brain.nii.gz"
    nib.save(nib.Nifti1Image(np.where(brain, image.get_fdata(), 0), image.affine), out_file)
    return str(out_file)


def init_brain_wf(*, omp_nthreads: int = 1, name: str = "brain_wf") -> Workflow:
    """Build a graph that gets the brain out of a head scan, and hides the face before all else.

    Parameters
    ----------
    omp_nthreads
        CPU threads of a node.
    name
        Name of the workflow.

    Inputs
    ------
    t1w
        Head scan.

    Outputs
    -------
    t1w_defaced, t1w_brain
        The defaced scan; its brain, without the bias field.
    record
        What was decided about the face (JSON).
    """
    workflow = Workflow(name=name)
    inputnode = Node(IdentityInterface(fields=["t1w"]), name="inputnode")
    outputnode = Node(
        IdentityInterface(fields=["t1w_defaced", "t1w_brain", "record"]), name="outputnode"
    )
    # strict: nothing comes out of it that a person would have to look at first.
    deface_wf = init_deface_wf(on_doubt="strict", omp_nthreads=omp_nthreads)
    n4 = Node(Function(function=correct_bias, output_names=["out_file"]), name="n4", mem_gb=0.6)
    skullstrip = Node(
        Function(function=strip_skull, output_names=["out_file"]), name="skullstrip", mem_gb=0.6
    )
    workflow.__desc__ = (
        deface_wf.__desc__ + "The defaced scan was corrected for intensity non-uniformity and "
        "skull-stripped.\n"
    )
    # fmt: off
    workflow.connect([
        (inputnode, deface_wf, [("t1w", "inputnode.in_file")]),
        (deface_wf, n4, [("outputnode.out_file", "in_file")]),
        (n4, skullstrip, [("out_file", "in_file")]),
        (deface_wf, skullstrip, [("outputnode.out_dseg", "in_dseg")]),
        (deface_wf, outputnode, [
            ("outputnode.out_file", "t1w_defaced"), ("outputnode.out_result", "record"),
        ]),
        (skullstrip, outputnode, [("out_file", "t1w_brain")]),
    ])
    # fmt: on
    return workflow


def main() -> int:
    """Run the workflow on one scan; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("t1w", type=Path, help="head scan")
    parser.add_argument("brain", type=Path, help="where its brain goes")
    parser.add_argument("--work-dir", type=Path, default=Path("work"), help="shows the face")
    parser.add_argument("--plugin", default="Linear", help="of nipype: MultiProc, SLURM ...")
    args = parser.parse_args()
    workflow = Workflow(name="example_wf", base_dir=str(args.work_dir.absolute()))
    brain_wf = init_brain_wf()
    brain_wf.inputs.inputnode.t1w = str(args.t1w.absolute())
    export = Node(ExportFile(out_file=str(args.brain.absolute()), clobber=True), name="export")
    workflow.connect([(brain_wf, export, [("outputnode.t1w_brain", "in_file")])])
    workflow.run(plugin=args.plugin)
    sys.stdout.write(brain_wf.__desc__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
