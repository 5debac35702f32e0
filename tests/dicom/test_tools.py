"""Other people's programs read what the command writes: dcmtk, dcm2niix and Orthanc."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from tests.conftest import command
from tests.dicom.made import sagittal, write_enhanced, write_series

pytestmark = [pytest.mark.tools, pytest.mark.slow]

#: Attributes of type 1 (a value) and type 2 (at least the tag) of the MR Image and the Enhanced MR
#: Image objects (PS3.3, tables A.4-1 and A.36-1): those that the made files have.
TYPE_1 = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "Modality",
    "ImageType", "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData",
    "FrameOfReferenceUID",
)  # fmt: skip
CLASSIC_1 = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "ScanningSequence",
    "SequenceVariant",
)  # fmt: skip
ENHANCED_1 = (
    "AcquisitionNumber", "BurnedInAnnotation", "ContentDate", "ContentTime",
    "DeviceSerialNumber", "DimensionIndexSequence", "DimensionOrganizationSequence",
    "InstanceNumber", "LossyImageCompression", "Manufacturer", "ManufacturerModelName",
    "NumberOfFrames", "PerFrameFunctionalGroupsSequence", "PresentationLUTShape",
    "SeriesNumber", "SharedFunctionalGroupsSequence", "SoftwareVersions",
)  # fmt: skip
TYPE_2 = (
    "AccessionNumber", "PatientBirthDate", "PatientID", "PatientName", "PatientSex",
    "PositionReferenceIndicator", "ReferringPhysicianName", "SeriesNumber", "StudyDate",
    "StudyID", "StudyTime",
)  # fmt: skip
CLASSIC_2 = (
    "EchoTime", "EchoTrainLength", "InstanceNumber", "Manufacturer", "MRAcquisitionType",
    "PatientPosition", "RepetitionTime", "ScanOptions", "SliceThickness",
)  # fmt: skip

COMMON = {
    "AccessionNumber": "ACC-4711",
    "ReferringPhysicianName": "Quincy^Jack",
    "StudyID": "4711",
    "PositionReferenceIndicator": "",
    "PatientPosition": "HFS",
}
CLASSIC = {
    **COMMON,
    "ScanningSequence": ["GR", "IR"],
    "SequenceVariant": ["SP", "MP"],
    "ScanOptions": "IR",
    "MRAcquisitionType": "3D",
    "EchoTrainLength": 1,
}
ENHANCED = {
    **COMMON,
    "AcquisitionDateTime": "20210203040506",
    "AcquisitionNumber": 1,
    "BurnedInAnnotation": "NO",
    "DeviceSerialNumber": "166-4711",
    "InstanceNumber": 1,
    "LossyImageCompression": "00",
    # Only of this maker does dcm2niix tell echoes by their dimension.
    "Manufacturer": "Philips",
    "ManufacturerModelName": "Elition X",
    "PresentationLUTShape": "IDENTITY",
    "SeriesNumber": 4,
    "SoftwareVersions": "5.6.1",
}


@dataclass(frozen=True)
class Run:
    """One run of the command: what went in, what came out, what it said of it."""

    raw: Path
    out: Path
    changed: dict[str, int]
    folders: dict[str, Path]

    @property
    def files(self) -> list[Path]:
        return sorted(self.out.rglob("*.dcm"))


@pytest.fixture(scope="module")
def run(head, tmp_path_factory) -> Run:
    """A classic series and an enhanced file of two echoes, defaced by the command line."""
    folder = tmp_path_factory.mktemp("tools")
    raw, out = folder / "raw", folder / "out"
    data, affine = sagittal(head)
    # Slices are numbered as they lie: dcm2niix orders by number first.
    number = lambda dataset, k: setattr(dataset, "InstanceNumber", k + 1)  # noqa: E731
    write_series(raw / "classic", data, affine, change=number, **CLASSIC)
    write_enhanced(
        raw / "enhanced" / "e.dcm", data, affine, echoes=2, change=dimensions(data.shape[2])
    )
    done = command(raw, out, "--random-seed", "1", module="bids_deface.cli.dicom")
    assert done.returncode == 0, done.stderr
    with (folder / "out-private" / "results.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["verdict"] for row in rows] == ["PASS", "PASS"]
    return Run(
        raw, out, {row["source"]: int(row["changed_voxels"]) for row in rows},
        {row["source"]: out / row["series"] for row in rows},
    )  # fmt: skip


def dimensions(n_slices: int) -> Callable[[Dataset, int], None]:
    """Return what adds the attributes and the dimensions (echo, place) that a scanner writes."""

    def change(dataset: Dataset, _: int) -> None:
        for keyword, value in ENHANCED.items():
            setattr(dataset, keyword, value)
        organization, echo, place = Dataset(), Dataset(), Dataset()
        organization.DimensionOrganizationUID = generate_uid(entropy_srcs=["dimensions"])
        for item, pointer, group in (
            (place, "ImagePositionPatient", "PlanePositionSequence"),
            (echo, "EffectiveEchoTime", "MREchoSequence"),
        ):
            item.DimensionOrganizationUID = organization.DimensionOrganizationUID
            item.DimensionIndexPointer = Tag(pointer)
            item.FunctionalGroupPointer = Tag(group)
        dataset.DimensionOrganizationSequence = Sequence([organization])
        dataset.DimensionIndexSequence = Sequence([place, echo])
        for n, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            of_echo, k = divmod(n, n_slices)
            content = group.FrameContentSequence[0]
            content.DimensionIndexValues = [k + 1, of_echo + 1]
            content.StackID, content.InStackPositionNumber = "1", k + 1
            content.TemporalPositionIndex = 1

    return change


def need(*programs: str) -> None:
    """Skip where a program is absent."""
    absent = [program for program in programs if find(program) is None]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)}")


def find(program: str) -> str | None:
    # Debian keeps servers where only root looks for them.
    return shutil.which(program, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]))


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [find(str(arguments[0])) or arguments[0], *map(str, arguments[1:])],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_dcmftest_knows_every_file(run):
    need("dcmftest")
    done = call("dcmftest", *run.files)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"yes: {path}" for path in run.files]


def test_dcmdump_reads_every_file_without_a_warning(run):
    need("dcmdump")
    done = call("dcmdump", "-v", "-M", *run.files)
    assert done.returncode == 0
    told = [line for line in done.stderr.splitlines() if not line.startswith("I: ")]
    assert told == []
    assert done.stdout.count("PixelData") == len(run.files) == 125
    # The words of the originals: dcmdump shows them where they are.
    assert "Miller" in call("dcmdump", next((run.raw / "classic").iterdir())).stdout
    for secret in ("Miller", "PAT-0815", "ACC-4711", "Quincy", "166-4711", "20210203"):
        assert secret not in done.stdout


def test_what_must_be_in_an_image_is_still_in_it(run):
    for source, must, may in (
        ("classic", TYPE_1 + CLASSIC_1, TYPE_2 + CLASSIC_2),
        ("enhanced", TYPE_1 + ENHANCED_1, TYPE_2),
    ):
        before = dcmread(next((run.raw / source).iterdir()))
        for path in run.folders[source].iterdir():
            after = dcmread(path)
            for keyword in must:
                assert has_value(before, keyword), keyword
                assert has_value(after, keyword), (source, keyword)
            for keyword in may:
                assert keyword in before, keyword
                assert keyword in after, (source, keyword)
            assert after.PatientIdentityRemoved == "YES"


def has_value(dataset: Dataset, keyword: str) -> bool:
    return dataset.get(keyword) not in (None, "", b"", [])


def test_dimensions_still_point_to_their_organization(run):
    (path,) = run.folders["enhanced"].iterdir()
    dataset = dcmread(path)
    (organization,) = dataset.DimensionOrganizationSequence
    assert {item.DimensionOrganizationUID for item in dataset.DimensionIndexSequence} == {
        organization.DimensionOrganizationUID
    }
    assert organization.DimensionOrganizationUID != generate_uid(entropy_srcs=["dimensions"])


@pytest.mark.parametrize("source", ["classic", "enhanced"])
def test_dcm2niix_sees_the_same_grid_and_only_hidden_voxels_differ(run, head, tmp_path, source):
    need("dcm2niix")
    before = convert(run.raw / source, tmp_path / "before")
    after = convert(run.folders[source], tmp_path / "after")
    assert before.shape == after.shape
    assert np.array_equal(before.affine, after.affine)
    old, new = voxels(before), voxels(after)
    assert old.dtype == new.dtype
    # The made series is the head itself: so its labels tell where the brain is.
    assert np.array_equal(old[..., 0], head.data.clip(0, 4095))
    differs = old != new
    assert differs.sum() == run.changed[source] > 10_000
    assert not differs[head.dseg == 7].any()


def convert(folder: Path, out: Path) -> nib.Nifti1Image:
    """Convert a series to the one image that it is."""
    out.mkdir()
    done = call("dcm2niix", "-b", "n", "-z", "n", "-f", "image", "-o", out, folder)
    assert done.returncode == 0, done.stdout
    paths = sorted(out.iterdir())
    echoes = [nib.as_closest_canonical(nib.load(path)) for path in paths]
    assert all(np.array_equal(echo.affine, echoes[0].affine) for echo in echoes)
    return nib.concat_images(echoes) if len(echoes) > 1 else echoes[0]


def voxels(image: nib.Nifti1Image) -> np.ndarray:
    """Return the stored values (x, y, z, echo)."""
    data = np.asanyarray(image.dataobj)
    return data.reshape(*data.shape[:3], -1)


#: Reads every file back, from within the server's namespace: a line each, hexadecimal.
READ_BACK = """
import json, urllib.request

def get(path):
    return urllib.request.urlopen("http://127.0.0.1:8042" + path, timeout=60).read()

for name in json.loads(get("/instances")):
    print(get(f"/instances/{name}/file").hex())
"""


@pytest.fixture
def orthanc(tmp_path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Start an archive; yield what runs a program beside it.

    Orthanc listens on all interfaces of the machine: it gets a network of its own.
    """
    need("Orthanc", "storescu", "echoscu", "unshare", "nsenter", "ip")
    if call("unshare", "-n", "ip", "link", "set", "lo", "up").returncode:
        pytest.skip("no network namespace can be made here")
    settings = {
        "HttpPort": 8042, "DicomPort": 4242, "StorageDirectory": str(tmp_path / "store"),
        "IndexDirectory": str(tmp_path / "store"), "AuthenticationEnabled": False,
        "RemoteAccessAllowed": False, "Plugins": [],
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(settings))
    start = f"ip link set lo up; exec {find('Orthanc')} {tmp_path / 'orthanc.json'}"
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen([find("unshare"), "-n", "sh", "-c", start], stderr=log)

    def beside(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return call("nsenter", "-t", str(server.pid), "-n", *arguments)

    try:
        for _ in range(100):
            time.sleep(0.2)
            if not beside("echoscu", "127.0.0.1", "4242").returncode:
                break
        else:
            pytest.fail((tmp_path / "log").read_text())
        yield beside
    finally:
        server.kill()
        server.wait()


def test_an_archive_takes_the_files_and_gives_them_back(run, orthanc):
    done = orthanc("storescu", "127.0.0.1", "4242", "+sd", "+r", run.out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    read = orthanc(sys.executable, "-c", READ_BACK)
    assert read.returncode == 0, read.stderr
    found = {}
    for line in read.stdout.split():
        dataset = dcmread(BytesIO(bytes.fromhex(line)))
        found[dataset.SOPInstanceUID] = dataset
    sent = {dataset.SOPInstanceUID: dataset for dataset in map(dcmread, run.files)}
    assert found.keys() == sent.keys()
    for uid, dataset in sent.items():
        assert found[uid] == dataset
