from __future__ import annotations

import pytest

from bids_deface.audit.wording import is_real_date, telling_forms


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("t1 of 2019-03-04", "a date"),
        ("04.03.2019", "a date"),
        ("20190304", "a date"),
        ("20190304101112.50", "a date"),
        ("2019-03-04T10:11:12", "a date"),
        ("4 Mar 2019", "a date"),
        ("Doe^Jane", "a name as DICOM writes it"),
        ("ask jd@example.org", "an e-mail address"),
        ("1.2.840.113619.2.55.3.4", "a UID"),
        ("cd /home/jdoe/data", "a user's folder"),
    ],
)
def test_what_tells_is_found_by_its_form(text, form):
    assert telling_forms(text) == (form,)


@pytest.mark.parametrize(
    "text",
    [
        "v1.0.20220720", "TE=4.2;Time=101112.250;phase=1", "1.2.840.10008.5.1.4.1.1.4", "12345678",
        "1911-12-22T10:11:12", "t1_mprage_sag_p2_iso", "FSL5.0", "2.0.1.19970828", "10^3", "",
    ],
)  # fmt: skip
def test_what_tells_nobody_is_left_alone(text):
    assert telling_forms(text) == ()


@pytest.mark.parametrize(
    ("text", "real"),
    [
        ("2019-03-04T10:11:12", True), ("1925-01-01T00:00:00", True), ("1924-12-31", False),
        ("1700-01-01T00:00:00", False), ("n/a", False), ("", False), ("yesterday", True),
    ],
)  # fmt: skip
def test_dates_before_1925_are_shifted_ones(text, real):
    assert is_real_date(text) is real
