"""DICOM series made from arrays: classic, one file a slice, and enhanced multi-frame."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from bids_deface.population import SyntheticHead

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
STUDY = generate_uid(entropy_srcs=["study"])
Change = Callable[[Dataset, int], object]


def sagittal(head: SyntheticHead, every: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return a head as a scanner stores it: (column, row, slice) and its affine, RAS.

    ``every`` takes every second (...) voxel only, along each axis.
    """
    # Columns run to the back, rows to the feet, slices to the patient's right.
    turn = np.array([[0, 0, 1], [-1, 0, 0], [0, -1, 0]], float)
    data = np.ascontiguousarray(head.data.transpose(1, 2, 0)[::-1, ::-1])
    affine = np.eye(4)
    affine[:3, :3] = head.affine[:3, :3] @ turn
    corner = [0, head.data.shape[1] - 1, head.data.shape[2] - 1]
    affine[:3, 3] = head.affine[:3, :3] @ corner + head.affine[:3, 3]
    affine[:3, :3] *= every
    data = data[::every, ::every, ::every]
    return data.clip(0, 4095).astype(np.uint16), affine


def write_series(
    folder: Path,
    data: np.ndarray,
    affine: np.ndarray,
    *,
    name: str = "series",
    suffix: str = ".dcm",
    change: Change | None = None,
    **attributes: object,
) -> list[Path]:
    """Write one file a slice, named in an order that is not that of the slices.

    Parameters
    ----------
    data
        Stored values (column, row, slice).
    affine
        Voxel-to-world, RAS.
    change
        Called with each data set and the number of its slice before it is written.
    attributes
        Further attributes of all files, by keyword.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    order = np.random.default_rng(len(name)).permutation(data.shape[2])
    for k in range(data.shape[2]):
        dataset = _common(name, data[..., k].T, MRImageStorage, f"{name} {k} {attributes}")
        spacing = np.linalg.norm(affine[:3, :3], axis=0)
        directions = RAS_TO_LPS @ affine[:3, :2] / spacing[:2]
        dataset.ImageOrientationPatient = [f"{v:.10g}" for v in directions.T.ravel()]
        place = RAS_TO_LPS @ (affine[:3, 3] + affine[:3, 2] * k)
        dataset.ImagePositionPatient = [f"{v:.10g}" for v in place]
        dataset.PixelSpacing = [float(spacing[1]), float(spacing[0])]
        dataset.SliceThickness = float(spacing[2])
        dataset.InstanceNumber = int(order[k]) + 1
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
        if change is not None:
            change(dataset, k)
        path = folder / f"{name}-{order[k]:04d}{suffix}"
        dataset.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def write_enhanced(
    path: Path,
    data: np.ndarray,
    affine: np.ndarray,
    *,
    echoes: int = 1,
    change: Change | None = None,
) -> Path:
    """Write one multi-frame file; echoes differ in brightness."""
    path.parent.mkdir(parents=True, exist_ok=True)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    stacks = [(data // (echo + 1)).astype(data.dtype) for echo in range(echoes)]
    frames = np.concatenate([stack.transpose(2, 1, 0) for stack in stacks])
    dataset = _common("enhanced", frames, EnhancedMRImageStorage, str(path.name))
    dataset.NumberOfFrames = len(frames)
    shared = Dataset()
    measures = Dataset()
    measures.PixelSpacing = [float(spacing[1]), float(spacing[0])]
    measures.SliceThickness = float(spacing[2])
    orientation = Dataset()
    directions = RAS_TO_LPS @ affine[:3, :2] / spacing[:2]
    orientation.ImageOrientationPatient = [f"{v:.10g}" for v in directions.T.ravel()]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    per_frame = []
    for n in range(len(frames)):
        echo, k = divmod(n, data.shape[2])
        group, place, timing, content = Dataset(), Dataset(), Dataset(), Dataset()
        where = RAS_TO_LPS @ (affine[:3, 3] + affine[:3, 2] * k)
        place.ImagePositionPatient = [f"{v:.10g}" for v in where]
        timing.EffectiveEchoTime = 3.0 * (echo + 1)
        content.FrameAcquisitionDateTime = "20210203040506"
        group.PlanePositionSequence = Sequence([place])
        group.MREchoSequence = Sequence([timing])
        group.FrameContentSequence = Sequence([content])
        per_frame.append(group)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(per_frame)
    if change is not None:
        change(dataset, 0)
    dataset.save_as(path, enforce_file_format=True)
    return path


def _common(name: str, pixels: np.ndarray, sop_class: str, seed: str) -> Dataset:
    dataset = Dataset()
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[seed])
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[name])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame"])
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = "20210203"
    dataset.StudyTime = dataset.ContentTime = "040506"
    dataset.Modality = "MR"
    dataset.Manufacturer = "SIEMENS"
    dataset.PatientName = "Miller^Josephine"
    dataset.PatientID = "PAT-0815"
    dataset.PatientBirthDate = "19500102"
    dataset.PatientSex = "F"
    dataset.PatientAge = "071Y"
    dataset.SeriesNumber = 3
    dataset.SeriesDescription = "t1_mprage_sag 1mm Miller"
    dataset.EchoTime = 3.0
    dataset.RepetitionTime = 2000.0
    dataset.SequenceName = "*tfl3d1"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.BitsAllocated = pixels.dtype.itemsize * 8
    dataset.BitsStored = 12 if pixels.dtype == np.uint16 else dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    raw = np.ascontiguousarray(pixels).tobytes()
    dataset.PixelData = raw + b"\0" * (len(raw) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    return dataset
