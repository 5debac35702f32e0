"""Real DICOM series: the same answer before and after conversion; skipped where there are none."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bids_deface.anatomy import ALL_FEATURES
from bids_deface.assurance.verdict import Decision
from bids_deface.containers.load import load_volume
from bids_deface.deface import deface_volume
from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.options import HeaderOptions
from bids_deface.dicom.pseudonyms import Pseudonyms
from bids_deface.dicom.series import Series, collect
from bids_deface.dicom.stacking import stack_frames
from bids_deface.dicom.volumes import load_stacks
from bids_deface.dicom.writing import Writer
from bids_deface.settings import DefaceSettings
from bids_deface.volume import canonical_view

pytestmark = [pytest.mark.real, pytest.mark.slow]

NAMES = ("philips_elition_t1w", "siemens_prisma_t1w_prone", "siemens_trio_t1w")
