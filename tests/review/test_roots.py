"""What the page may see."""

from __future__ import annotations

import json

import pytest

from bids_deface.errors import NoInputError, UsageError
from bids_deface.review.roots import OutsideError, Roots
from tests.review.conftest import PASSED, WAITS

needs_links = pytest.mark.skipif("sys.platform == 'win32'", reason="links need rights there")


def wild(place):
    """Paths that lead out, in all ways of writing them."""
    up = place.parent
    return [
        str(up), str(up / "secret.txt"), "/", "/etc/passwd", f"{place}/../secret.txt",
        f"{place}/raw/../../outside", f"{place}-other", f"{place}/raw/../..", "../secret.txt",
        "raw", "", "~", "\0", f"{place}\0/../x", "//etc/passwd", "file:///etc/passwd",
        "%2e%2e/secret.txt", f"{place}/a/../../secret.txt",
    ]  # fmt: skip


def test_paths_that_lead_out_are_refused_wherever_they_come_in(user, place, both):
    for path in wild(place):
        for field in ("raw", "out"):
            asked = {**both, field: path}
            for address in ("/api/review", "/api/image", "/api/voxels"):
                answer = user.get(address, params={"source": PASSED, "part": "mask", **asked})
                assert answer.status_code in {400, 403}, (address, path)
                assert "secret" not in answer.text.replace(path, "")
            for address in ("/api/decision", "/api/release", "/api/correction", "/api/redo"):
                body = {"source": PASSED, "stamp": "x", "decision": "accept", "features": {}}
                assert user.post(address, json={**body, **asked}).status_code in {400, 403}
        for field in ("source", "output"):
            form = {"kind": "dataset", "source": both["raw"], "output": both["out"], field: path}
            assert user.post("/api/plan", json=form).status_code in {400, 403}, path
        if path:
            assert user.get("/api/folder", params={"path": path}).status_code in {400, 403}


def test_whether_something_outside_exists_is_not_told(user, place):
    there = user.get("/api/folder", params={"path": str(place.parent / "outside")}).json()
    gone = user.get("/api/folder", params={"path": str(place.parent / "nothing")}).json()
    assert there["error"].replace("outside", "") == gone["error"].replace("nothing", "").replace(
        "outside", ""
    )


@pytest.mark.parametrize(
    "address",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
     "/static/%2e%2e%2fapp.py", "/static//etc/passwd", "/static/....//app.py",
     "/static/..\\app.py", "/static/%00"],
)  # fmt: skip
def test_nothing_but_the_page_s_own_files_is_handed_out(user, address):
    answer = user.get(address)
    assert answer.status_code in {400, 404}
    assert "import" not in answer.text


@pytest.mark.parametrize(
    "source",
    ["../secret.txt", "sub-01/../../../secret.txt", "/etc/passwd", "sub-01/anat/../../x", "..",
     "sub-01/anat/sub-01_T1w.nii.gz\0", "%2e%2e/secret.txt", "sub-01"],
)  # fmt: skip
def test_an_image_s_name_leads_nowhere_else(user, both, place, source):
    record = place / "out" / "logs" / "images"
    (record / "secret.json").write_text(json.dumps({"Source": source, "Verdict": "PASS"}))
    for part in ("original", "defaced", "mask", "dseg", "../x", "private"):
        asked = {**both, "source": source, "part": part}
        answer = user.get("/api/voxels", params=asked)
        assert answer.status_code in {400, 403, 404}
        assert answer.text.find("secret\n") < 0


def test_a_part_that_there_is_not_is_refused(user, both):
    asked = {**both, "source": PASSED, "part": "../../../secret.txt"}
    assert user.get("/api/voxels", params=asked).status_code == 400


@needs_links
def test_links_that_lead_out_are_not_followed(user, both, place):
    (place / "raw" / PASSED).unlink()
    (place / "raw" / PASSED).symlink_to(place.parent / "secret.txt")
    asked = {**both, "source": PASSED, "part": "original"}
    answer = user.get("/api/voxels", params=asked)
    assert answer.status_code == 403
    assert "secret" not in answer.text
    (place / "door").symlink_to(place.parent / "outside")
    shown = user.get("/api/folder", params={"path": str(place)}).json()["entries"]
    assert [one["name"] for one in shown] == ["out", "raw"]
    assert user.get("/api/folder", params={"path": str(place / "door")}).status_code == 403
    (place / "circle").symlink_to(place / "circle")
    assert user.get("/api/folder", params={"path": str(place / "circle")}).status_code in {
        403,
        404,
    }


@needs_links
def test_links_within_the_roots_are_followed_as_git_annex_needs(user, both, place):
    annex = place / "raw" / ".git" / "annex" / "key"
    annex.parent.mkdir(parents=True)
    (place / "raw" / WAITS).rename(annex)
    (place / "raw" / WAITS).symlink_to(annex)
    asked = {**both, "source": WAITS, "part": "original"}
    assert user.get("/api/voxels", params=asked).content == f"original {WAITS}".encode()


def test_without_a_path_the_roots_are_shown_and_nothing_above_them(user, place):
    top = user.get("/api/folder").json()
    assert [one["path"] for one in top["entries"]] == [str(place)]
    inside = user.get("/api/folder", params={"path": str(place)}).json()
    assert inside["parent"] == ""
    assert {one["name"]: one["kind"] for one in inside["entries"]} == {
        "raw": "dataset",
        "out": "output",
    }


def test_only_results_of_this_program_are_reviewed(user, both):
    answer = user.get("/api/review", params={**both, "out": both["raw"]})
    assert answer.status_code == 400
    assert "no results" in answer.json()["error"]


def test_roots(tmp_path):
    with pytest.raises(NoInputError):
        Roots.of([tmp_path / "none"])
    roots = Roots.of([tmp_path, tmp_path])
    assert roots.folders == (tmp_path.resolve(),)
    assert roots.path(str(tmp_path / "new" / "folder")) == tmp_path.resolve() / "new" / "folder"
    with pytest.raises(OutsideError):
        roots.within(tmp_path, "../x")
    with pytest.raises(UsageError):
        roots.path("x")
