"""A page, its folders, and those who ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reports.samples import failed, passed, review

TOKEN = "the-token"
BASE = "http://127.0.0.1:8765"
WAITS = "sub-02/anat/sub-02_T1w.nii.gz"
PASSED = "sub-01/anat/sub-01_T1w.nii.gz"
FAILED = "sub-03/anat/sub-03_T1w.nii.gz"


def write_records(out: Path, records: list[dict[str, Any]]) -> None:
    """Write the records of a derivatives folder under the names that they really have."""
    folder = out / "logs" / "images"
    folder.mkdir(parents=True, exist_ok=True)
    for record in records:
        stem = record["Source"].rpartition("/")[2].partition(".")[0]
        (folder / f"{stem}.json").write_text(json.dumps(record))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A root with a raw dataset and results, and beside it what nobody may see."""
    root = tmp_path / "root"
    raw, out = root / "raw", root / "out"
    for source in (PASSED, WAITS, FAILED):
        path = raw / source
        path.parent.mkdir(parents=True)
        path.write_bytes(f"original {source}".encode())
    (raw / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    out.mkdir()
    records = [passed(PASSED), review(WAITS), failed(FAILED)]
    write_records(out, records)
    (out / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "bids-deface"}]}')
    (out / "logs" / "run-20260101T000000-1.toml").write_text(
        'features = ["nose", "ears"]\nprotocol = "default"\nlevel = "features"\n'
        'on_doubt = "review"\nmodalities = []\ninclude = ["func"]\nkeep_extensions = false\n'
    )
    names = "anat/sub-02_desc-defaced_T1w", "anat/sub-02_mod-T1w_desc-face_defacemask"
    for name in names:
        path = out / "private" / "review" / "sub-02" / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "outside").mkdir()
    return root


@pytest.fixture
def app(place: Path, tmp_path: Path) -> Any:
    """The application."""
    from bids_deface.review.app import make_app
    from bids_deface.review.roots import Roots

    return make_app(Roots.of([place]), tmp_path / "state", TOKEN, 8765)


@pytest.fixture
def stranger(app: Any) -> Any:
    """Somebody without the token."""
    client = pytest.importorskip("starlette.testclient", reason="httpx2 is not installed")
    return client.TestClient(app, base_url=BASE, follow_redirects=False)


@pytest.fixture
def user(stranger: Any) -> Any:
    """Somebody who came with the token, by this page."""
    stranger.get("/", params={"token": TOKEN})
    stranger.headers["origin"] = BASE
    return stranger


@pytest.fixture
def both(place: Path) -> dict[str, str]:
    """The two folders of a review, as the page names them."""
    return {"raw": str(place / "raw"), "out": str(place / "out")}
