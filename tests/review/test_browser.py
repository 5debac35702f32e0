"""The whole way in a browser: run, watch, look, reject, correct, release, find the files."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import nibabel as nib
import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.dataset.release import read_accepted
from tests.review.browsing import Watched, chromium, picture, serving
from tests.running import coarse_dataset, doubtful_head, t1w

pytestmark = [pytest.mark.browser, pytest.mark.slow]
DERIVATIVE = "sub-2/anat/sub-2_desc-defaced_T1w.nii.gz"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A root with a dataset of two coarse heads, of which one awaits review."""
    root = tmp_path_factory.mktemp("page") / "root"
    raw = coarse_dataset(root / "raw", {"1": 2.0})
    scan = raw / t1w("2")
    scan.parent.mkdir(parents=True)
    scan.write_bytes(nifti_bytes(doubtful_head()))
    return root


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(place):
    with serving(place, place.parent / "state") as found:
        yield found


@pytest.fixture(scope="module")
def ran(place, browser, address):
    """The dataset after a run that was started in the page; the page was closed meanwhile."""
    window = Watched(browser, address)
    page = window.page
    page.get_by_label("From where").fill(str(place / "raw"))
    assert page.get_by_label("To where").input_value() == f"{place}/raw-defaced"
    page.get_by_label("To where").fill(str(place / "out"))
    page.get_by_text("More options").click()
    page.get_by_label("Images at once").fill("1")
    page.get_by_role("button", name="Show the plan").click()
    page.wait_for_selector("#start")
    plan = page.locator("[aria-label='Plan, line by line']").inner_text()
    assert f"deface              {t1w('1')} -> " in plan
    assert "2 of 2 images to deface" in plan
    assert not (place / "out").exists(), "a plan writes nothing"
    page.click("#start")
    page.wait_for_url("**/#/run?name=*")
    page.wait_for_selector("td.waits")
    there = page.url
    assert window.trouble == []
    window.close()
    window = Watched(browser, address)
    window.page.goto(there)
    window.page.wait_for_selector("td.PASS")
    first = window.page.locator("p[role=status]").inner_text()
    assert first == "1 of 2 images done", "each image is told as it is done"
    window.page.wait_for_selector(".ended")
    assert window.page.locator(".ended").inner_text() == "Some images await review or failed."
    assert window.page.locator("td.verdict").all_inner_texts() == ["PASS", "REVIEW"]
    assert window.trouble == []
    window.page.get_by_role("link", name="Review the images").click()
    window.page.wait_for_selector("table.images")
    yield window
    assert window.trouble == []


def opened(window, place, subject):
    """Open the image of a subject and wait until it is drawn."""
    both = {"raw": str(place / "raw"), "out": str(place / "out"), "source": t1w(subject)}
    window.page.goto(f"{window.base}#/image?{urlencode(both)}")
    window.page.wait_for_selector(f"h1:text('sub-{subject}_T1w')")
    window.page.wait_for_selector("[data-ready]")
    window.page.wait_for_timeout(500)
    return window.page


def test_the_viewer_shows_both_heads_and_what_lies_over_them(ran, place):
    page = opened(ran, place, "1")
    before, after = picture(page, "Original"), picture(page, "Defaced")
    assert before.std() > 25
    assert after.std() > 25
    assert (np.abs(before - after) > 40).mean() > 0.002, "they are not the same"
    whole = np.abs(after - before).mean()
    page.get_by_label("Defaced to original").fill("100")
    page.wait_for_timeout(300)
    blended = picture(page, "Defaced")
    assert np.abs(blended - before).mean() < 0.1 * whole, "at the end it is the original"
    page.get_by_label("Defaced to original").fill("0")
    page.wait_for_timeout(300)
    assert np.abs(picture(page, "Defaced") - after).mean() < 0.1 * whole
    for key in "mg":
        page.keyboard.press(key)
        page.wait_for_timeout(300)
        assert np.abs(picture(page, "Defaced") - after).max() > 30, key
        page.keyboard.press(key)
    page.keyboard.press("5")
    page.wait_for_timeout(300)
    head = picture(page, "Original")
    assert np.abs(head - before).mean() > 5
    page.get_by_label("Turn the head").fill("300")
    page.wait_for_timeout(300)
    assert np.abs(picture(page, "Original") - head).mean() > 2


def test_one_is_rejected_and_one_accepted_by_keys(ran, place):
    page = opened(ran, place, "1")
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.id") == "reviewer", "it asks who says so"
    page.fill("#reviewer", "AB")
    page.locator("h1").click()
    page.keyboard.press("r")
    assert page.evaluate("document.activeElement.id") == "reason", "and why"
    page.fill("#reason", "a mole shows")
    page.locator("h1").click()
    page.keyboard.press("r")
    page.wait_for_selector(".decision.reject")
    page.keyboard.press("p")
    page.wait_for_selector("h1:text('sub-2_T1w')")
    page.wait_for_selector("[data-ready]")
    page.keyboard.press("a")
    page.wait_for_selector(".decision.accept")
    assert set(read_accepted(place / "out" / "private" / "review.tsv")) == {t1w("2")}
    assert not (place / "out" / DERIVATIVE).exists(), "nothing is released by itself"


def clicked(page, x=0.5, y=0.5):
    """Click into the original; the place in its canvas is given in shares."""
    box = page.locator("canvas[aria-label=Original]").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def test_a_feature_is_placed_and_painted_where_one_clicks(ran, place):
    page = opened(ran, place, "1")
    page.keyboard.press("2")
    page.click("[data-mode=place]")
    page.get_by_label("Feature").select_option("nose")
    before = picture(page, "Original")
    clicked(page, 0.5, 0.4)
    page.get_by_label("Radius to the right, mm").fill("20")
    page.wait_for_timeout(300)
    assert np.abs(picture(page, "Original") - before).max() > 30, "the ellipsoid is seen"
    page.get_by_label("Why").fill("too small")
    page.click("#keep")
    page.wait_for_selector("text=correction kept")
    file = place / "out" / "private" / "corrections.json"
    entry = json.loads(file.read_text())["Corrections"][t1w("1")]
    nose = entry["Features"]["nose"]
    assert (entry["Reviewer"], entry["Reason"]) == ("AB", "too small")
    assert nose["RadiiMm"][0] == 20
    page.click("[data-mode=paint]")
    box = page.locator("canvas[aria-label=Original]").bounding_box()
    middle = box["x"] + 0.5 * box["width"], box["y"] + 0.4 * box["height"]
    page.mouse.move(middle[0] + 15, middle[1])
    page.mouse.down()
    for angle in np.linspace(0, 2 * np.pi, 13):
        page.mouse.move(middle[0] + 15 * np.cos(angle), middle[1] + 15 * np.sin(angle))
    page.mouse.up()
    with page.expect_response("**/api/correction") as kept:
        page.click("#keep")
    assert kept.value.status == 200
    entry = json.loads(file.read_text())["Corrections"][t1w("1")]
    labels = nib.load(file.parent / entry["Labels"])
    scan = nib.load(place / "raw" / t1w("1"))
    assert labels.shape == scan.shape
    assert np.allclose(labels.affine, scan.affine)
    data = np.asarray(labels.dataobj)
    assert set(np.unique(data)) == {0, 3}
    voxels = np.argwhere(data == 3)
    assert len(voxels) > 15, "what was drawn around is filled"
    there = nib.affines.apply_affine(labels.affine, voxels.mean(axis=0))
    assert np.abs(there - nose["CentreMm"]).max() < 5, "both lie where the mouse was"


def test_a_corrected_image_is_done_again(ran, place):
    page = opened(ran, place, "1")
    page.click("#redo")
    page.wait_for_url("**/#/run?name=*")
    page.wait_for_selector(".ended")
    assert page.locator("td.verdict").all_inner_texts()[0] in {"PASS", "REVIEW"}


def test_what_was_accepted_is_released_by_the_button(ran, place):
    page = ran.page
    both = {"raw": str(place / "raw"), "out": str(place / "out")}
    page.goto(f"{ran.base}#/review?{urlencode(both)}")
    page.click("#release")
    assert t1w("2") in page.locator("dialog li").all_inner_texts()
    page.click("#release-sure")
    page.wait_for_selector(".ended")
    assert "released" in page.locator("[aria-label='What else it said']").inner_text()
    assert (place / "out" / DERIVATIVE).is_file()
    page.get_by_role("link", name="Review the images").click()
    page.wait_for_selector("td:text-is('released')")


def test_a_new_server_shows_the_runs_of_the_one_before(ran, place, browser):
    with serving(place, place.parent / "state") as address:
        window = Watched(browser, address, color_scheme="dark")
        runs = window.page.locator(".runs li")
        runs.nth(1).wait_for()
        lines = runs.all_inner_texts()
        assert any("Release of accepted images" in line for line in lines)
        window.page.get_by_label("To where").fill(str(place))
        window.page.get_by_role("button", name="Browse ...").first.click()
        window.page.locator(".entry", has_text="BIDS dataset").click()
        window.page.get_by_role("button", name="Choose this folder").click()
        assert window.page.get_by_label("From where").input_value() == str(place / "raw")
        window.page.get_by_role("button", name="Show the plan").click()
        window.page.wait_for_selector(".plan .problem")
        assert "contains the input" in window.page.locator(".plan .problem").inner_text()
        assert window.trouble == []
        window.close()
