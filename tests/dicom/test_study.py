"""Which series may tell others where the features are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom import dcmread

from bids_deface.dicom.series import Series, collect
from bids_deface.dicom.study import lenders_of
from tests.dicom.made import write_series

DATA = np.arange(4 * 4 * 20, dtype=np.uint16).reshape(4, 4, 20)


def test_lenders_are_scans_of_the_same_head(tmp_path: Path) -> None:
    def write(number: int, slices: int = 12, **attributes: object) -> None:
        write_series(
            tmp_path, DATA[..., :slices], np.eye(4), name=str(number),
            SeriesNumber=number, **attributes,
        )  # fmt: skip

    write(1)
    write(2, 20)
    write(3, 15)
    write(4, PatientID="SOMEONE-ELSE")
    write(5, StudyInstanceUID="1.2.3.4")
    write(6, ImageType=["ORIGINAL", "PRIMARY", "P"])
    write(7, 3)
    write(8, BurnedInAnnotation="YES")
    series = {one.first.number: one for one in collect(tmp_path).series}
    assert len(series) == 8

    def numbers(found: tuple[Series, ...]) -> list[str]:
        return [one.first.number for one in found]

    assert numbers(lenders_of(series["1"], list(series.values()))) == ["2", "3"]
    assert numbers(lenders_of(series["6"], list(series.values()))) == ["2", "3", "1"]
    assert not lenders_of(series["4"], list(series.values()))
    assert dcmread(series["4"].first.path).PatientID == "SOMEONE-ELSE"
