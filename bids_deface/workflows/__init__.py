"""Nipype workflow factories."""

from bids_deface.workflows.base import init_bids_deface_wf
from bids_deface.workflows.deface import init_deface_wf
from bids_deface.workflows.subject import init_subject_wf

__all__ = ["init_bids_deface_wf", "init_deface_wf", "init_subject_wf"]
