from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bids_deface.reports.group_page import write_group_page
from tests.reports.browsing import assert_no_trouble, forget, wait
from tests.reports.samples import NASTY, a_dataset, passed, write_dataset

pytestmark = pytest.mark.browser
ROWS = "return [...document.querySelectorAll('#images tbody tr')]"
NAMES = f"{ROWS}.map((row) => row.querySelector('.name').textContent)"

SORTED = (
    "return [...document.querySelectorAll('th:not([aria-sort=none])')].map((c) => c.dataset.key)"
)


@pytest.fixture
def page(browser, tmp_path):
    """Return a function that opens the page of some records, and afterwards looks for trouble."""

    def opened(records):
        write_dataset(tmp_path, records)
        for source in {record["Source"].partition("/")[0] for record in records}:
            (tmp_path / f"{source}.html").write_text(source)
        forget(browser)
        browser.get(write_group_page(tmp_path).as_uri())
        return browser

    yield opened
    assert_no_trouble(browser, tmp_path)


def find(browser, selector):
    return browser.find_element("css selector", selector)


def counts(browser):
    return {
        button.get_attribute("data-verdict") or "All": int(button.text.split()[-1])
        for button in browser.find_elements("css selector", "#verdicts button")
    }


def test_all_rows_are_there_with_pictures_that_are_not_blank(page):
    chrome = page(a_dataset())
    assert len(chrome.execute_script(NAMES)) == 51
    assert counts(chrome) == {"All": 51, "PASS": 48, "REVIEW": 2, "FAIL": 1}
    script = """
    const pictures = [...document.querySelectorAll('#images img')];
    return pictures.length === 47 && pictures.slice(0, 3).every((p) => p.complete) &&
      pictures.slice(0, 3).map((picture) => picture.naturalWidth);
    """
    assert wait(chrome, script) == [400] * 3
    assert NASTY in find(chrome, "tbody").text
    assert chrome.execute_script("return document.images.length") == 47, "NASTY made none"
    picture = find(chrome, "#images img")
    assert picture.get_attribute("loading") == "lazy"
    seen = np.asarray(Image.open(io.BytesIO(picture.screenshot_as_png)).convert("L"))
    assert seen.std() > 20


def test_columns_sort_by_click_and_by_keyboard(page):
    chrome = page(a_dataset())
    header = find(chrome, "th[data-key=seconds]")
    button = find(chrome, "th[data-key=seconds] button")
    button.click()
    assert header.get_attribute("aria-sort") == "ascending"
    assert chrome.execute_script(NAMES)[0] == "sub-02_ses-1_FLAIR"
    button.send_keys("\ue007")
    assert header.get_attribute("aria-sort") == "descending"
    assert chrome.execute_script(NAMES)[0] == "sub-07_ses-1_T1w"
    assert find(chrome, "th[data-key=image]").get_attribute("aria-sort") == "none"
    # What has no value comes last both ways.
    for _ in range(2):
        find(chrome, "th[data-key=brain] button").click()
        assert chrome.execute_script(NAMES)[-1] == "sub-02_ses-1_FLAIR"
    keys = chrome.execute_script(
        "return [...document.querySelectorAll('thead th')].map((c) => c.dataset.key)"
    )
    assert len(set(keys)) == len(keys)
    for key in keys:
        find(chrome, f"th[data-key={key}] button").click()
        assert chrome.execute_script(SORTED) == [key]
        assert len(chrome.execute_script(NAMES)) == 51


def test_filters_choose_rows_and_counts_follow(page):
    chrome = page(a_dataset())
    find(chrome, "#verdicts [data-verdict=REVIEW]").click()
    assert len(chrome.execute_script(NAMES)) == 2
    assert find(chrome, "#status").text == "2 of 51 images: 0 PASS, 2 REVIEW, 0 FAIL"
    find(chrome, "#filters button[type=reset]").click()
    wait(chrome, f"return ({NAMES.replace('return ', '')}).length === 51")
    find(chrome, "#session option[value='=2']").click()
    find(chrome, "#suffix option[value='=T1w']").click()
    assert counts(chrome) == {"All": 13, "PASS": 12, "REVIEW": 1, "FAIL": 0}
    find(chrome, "#subject option[value='=05']").click()
    assert chrome.execute_script(NAMES) == ["sub-05_ses-2_acq-high_run-1_T1w", "sub-05_ses-2_T1w"]
    find(chrome, "#filters button[type=reset]").click()
    find(chrome, "#text").send_keys("onerror= SCRIPT")
    wait(chrome, "return document.querySelector('#status').textContent.startsWith('1 of')")
    find(chrome, "#filters button[type=reset]").click()
    find(chrome, "#outliers").click()
    assert chrome.execute_script(NAMES) == ["sub-03_ses-2_T2w", "sub-07_ses-1_T1w"]


@pytest.mark.parametrize("by_keyboard", [False, True])
def test_an_outliers_mark_leads_to_its_row(page, by_keyboard):
    chrome = page([*many(120), *a_dataset()])
    mark = find(chrome, "figure[data-name=seconds] svg a")
    assert mark.get_attribute("aria-label") == "Outlier sub-07_ses-1_T1w: 95.0"
    find(chrome, "th[data-key=image] button").click()
    assert "sub-07_ses-1_T1w" not in chrome.execute_script(NAMES), "it is on another page"
    if by_keyboard:
        mark.send_keys("\ue007")
    else:
        find(chrome, "figure[data-name=seconds] svg circle").click()
    here = find(chrome, "tr[aria-current=true]")
    assert find(chrome, "tr[aria-current=true] .name").text == "sub-07_ses-1_T1w"
    assert chrome.switch_to.active_element == here
    top = chrome.execute_script("return arguments[0].getBoundingClientRect().top", here)
    assert 0 < top < 800
    assert find(chrome, "tr[aria-current=true] .stands-out").text == "95.0"


def many(number):
    return [passed(f"sub-{n:04}/anat/sub-{n:04}_T1w.nii.gz", n, Files=[]) for n in range(number)]


def test_two_thousand_images_make_few_rows(page):
    chrome = page(many(2000))
    assert len(chrome.execute_script(NAMES)) == 100
    find(chrome, "th[data-key=changed] button").click()
    shares = chrome.execute_script(f"{ROWS}.map((row) => Number(row.cells[7].textContent))")
    assert shares == sorted(shares)
    find(chrome, ".pages button:last-child").click()
    more = chrome.execute_script(f"{ROWS}.map((row) => Number(row.cells[7].textContent))")
    assert len(more) == 100
    assert min(more) >= max(shares)


def test_paper_gets_all_rows_of_the_filter(page):
    chrome = page(many(150))
    assert chrome.execute_script(NAMES)[-1] == "sub-0099_T1w"
    chrome.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(chrome.execute_script(NAMES)) == 150
    chrome.execute_script("dispatchEvent(new Event('afterprint'))")
    assert len(chrome.execute_script(NAMES)) == 100


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_nothing_sticks_out_sideways(page, width):
    chrome = page(a_dataset())
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        assert chrome.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        chrome.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_dataset_without_results_is_said_to_have_none(page):
    chrome = page([])
    assert find(chrome, "#status").text == "0 of 0 images: 0 PASS, 0 REVIEW, 0 FAIL"
    assert find(chrome, "#plots").text.count("no values") == 4
