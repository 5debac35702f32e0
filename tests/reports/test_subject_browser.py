"""The pages of a subject in a real browser."""

from __future__ import annotations

import json

import pytest

from bids_deface.containers.save import save_volume
from bids_deface.record import success_record
from bids_deface.reports.pictures import draw_pictures
from bids_deface.reports.subject import write_private_page, write_subject_page
from bids_deface.settings import DefaceSettings
from tests.reports.browsing import assert_no_trouble, forget, wait

pytestmark = pytest.mark.browser
SOURCE = "sub-1/anat/sub-1_T1w.nii.gz"


@pytest.fixture(scope="module")
def derivatives(head_file, defaced, tmp_path_factory):
    """A folder with the pictures of one image that passed, and its record."""
    folder, out = tmp_path_factory.mktemp("drawn"), tmp_path_factory.mktemp("out")
    for name in ("volume", "mask_volume", "dseg_volume"):
        save_volume(getattr(defaced, name), folder / f"{name}.nii.gz")
    shared, private = draw_pictures(
        head_file, *(folder / f"{n}.nii.gz" for n in ("volume", "mask_volume", "dseg_volume")),
        threshold=defaced.features.threshold, turn=defaced.features.turn, folder=folder,
    )  # fmt: skip
    files = []
    for place, prefix, pictures in (("", "", shared), ("private/", "original", private)):
        for what, path in pictures.items():
            ending = "".join(path.suffixes)
            name = f"{place}sub-1/figures/sub-1_desc-{prefix}{what}_T1w{ending}"
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(path.read_bytes())
            files.append(name)
    record = success_record(SOURCE, DefaceSettings.of(), defaced)
    return out, {**record, "Seconds": 1.0, "Files": files}


def drawn(browser):
    return wait(browser, "return document.querySelector('canvas.head')?.dataset.drawn")


def shades(browser) -> list[int]:
    """Return how many pixels of the canvas are dark and how many light."""
    script = """
    const canvas = document.querySelector('canvas.head'), gl = canvas.getContext('webgl');
    const pixels = new Uint8Array(4 * canvas.width * canvas.height);
    gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    const light = pixels.filter((value, n) => n % 4 === 0 && value > 60).length;
    return [canvas.width * canvas.height - light, light];
    """
    return browser.execute_script(script)


def test_the_head_can_be_turned(browser, derivatives):
    out, record = derivatives
    path = write_subject_page(out, "1", [record])
    assert path.stat().st_size < 5_000_000
    forget(browser)
    browser.get(path.as_uri())
    canvas = browser.find_element("css selector", "canvas.head")
    browser.execute_script("arguments[0].scrollIntoView()", canvas)
    before = drawn(browser)
    dark, light = shades(browser)
    assert 0.1 < light / (dark + light) < 0.8, "a head, and room around it"
    canvas.send_keys("\ue014\ue014+")
    assert drawn(browser) != before
    assert shades(browser) != [dark, light]
    script = "return [...document.images].every((i) => i.complete && i.naturalWidth > 100)"
    browser.execute_script("for (const i of document.images) i.loading = 'eager'")
    assert wait(browser, script)
    assert_no_trouble(browser, out)
    text = browser.find_element("css selector", "body").text
    assert text.index("PASS") < text.index("Checks") < text.index("Methods text")
    assert "private/sub-1" not in browser.page_source


def test_before_and_after_lie_over_each_other(browser, derivatives):
    out, record = derivatives
    forget(browser)
    browser.get(write_private_page(out, "1", [record]).as_uri())
    pictures = "[...document.querySelectorAll('.compare img')]"
    assert wait(browser, f"return {pictures}.every((i) => i.complete && i.naturalWidth)")
    assert browser.find_elements("css selector", "canvas.head"), "the rest of the page, too"
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.compare')].map("
        "(c) => [...c.querySelectorAll('img')].map((i) => [i.naturalWidth, i.naturalHeight]))"
    )
    assert len(sizes) == 2
    assert all(one == two for one, two in sizes), "the same size, or nothing can be compared"
    at = "return document.querySelector('.over').style.getPropertyValue('--at')"
    assert browser.execute_script(at) == "50%"
    slider = browser.find_element("css selector", "input[type=range]")
    slider.send_keys("\ue012\ue012")
    assert browser.execute_script(at) == "48%"
    button = browser.find_element("css selector", "button")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    assert wait(browser, f"return ({at.removeprefix('return ')}) === '100%'")
    button.click()
    assert browser.execute_script(at) == "48%"
    assert "never share" in browser.find_element("css selector", ".warning").text
    assert_no_trouble(browser, out)


def test_records_cannot_break_out(browser, derivatives):
    out, record = derivatives
    evil = "</script><script>document.title = 'broken'</script>"
    bad = {**record, "Verdict": "FAIL", "Reasons": [evil], "Hint": evil, "Notes": [evil]}
    forget(browser)
    browser.get(write_subject_page(out, "1", [json.loads(json.dumps(bad))]).as_uri())
    assert browser.title == "sub-1: defacing report"
    assert evil in browser.find_element("css selector", "main").text
    assert_no_trouble(browser, out)
