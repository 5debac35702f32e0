"""MediaPipe's detector: used where it is installed, missed nowhere, and silent."""

from __future__ import annotations

import os
import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from bids_deface.assurance import mediapipe_face
from bids_deface.assurance.face import DETECTORS, MEDIAPIPE, all_detectors, find_faces
from bids_deface.assurance.mediapipe_face import is_installed, shows_face
from bids_deface.detection.grid import conform
from bids_deface.tissue import tissue_threshold

GRID = np.diag([2.0, 2.0, 2.0, 1.0])
TURN = np.diag([-1.0, -1.0, 1.0, 1.0])


class Chatty:
    """Stands for the networks: sees a face in every bright picture and talks about it."""

    def __init__(self, **_: object) -> None:
        os.write(2, b"INFO: Created TensorFlow Lite delegate\n")

    def process(self, picture: np.ndarray) -> SimpleNamespace:
        assert picture.shape[2] == 3
        warnings.warn("GetPrototype() is deprecated", stacklevel=1)
        os.write(2, b"WARNING: feedback manager\n")
        return SimpleNamespace(multi_face_landmarks=[object()] if picture.any() else None)


@pytest.fixture
def installed(monkeypatch):
    """Return a function that puts something in the place of MediaPipe."""

    def put(module: ModuleType | None) -> None:
        monkeypatch.setitem(sys.modules, "mediapipe", module)
        mediapipe_face._networks.cache_clear()

    yield put
    mediapipe_face._networks.cache_clear()


@pytest.mark.parametrize("module", [None, ModuleType("mediapipe")])
def test_without_it_or_its_models_the_others_go_on(installed, module):
    installed(module)
    assert not is_installed()
    assert all_detectors() == DETECTORS
    nothing = np.zeros((60, 60, 60), np.float32)
    assert set(find_faces(nothing, GRID, 0.5)) == {d.name for d in DETECTORS}


def test_a_face_counts_and_nothing_is_said(installed, capfd):
    module = ModuleType("mediapipe")
    module.solutions = SimpleNamespace(face_mesh=SimpleNamespace(FaceMesh=Chatty))
    installed(module)
    assert all_detectors() == (*DETECTORS, MEDIAPIPE)
    assert shows_face(np.ones((20, 30), np.uint8))
    assert not shows_face(np.zeros((20, 30), np.uint8))
    assert capfd.readouterr() == ("", "")
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


@pytest.fixture
def real():
    mediapipe_face._networks.cache_clear()
    if not is_installed():
        pytest.skip("needs bids-deface[mediapipe]")


def test_it_finds_a_face_where_one_is(real, head, capfd):
    small = conform(head.data, head.affine)
    image, affine, threshold = small.image, small.grid.affine, tissue_threshold(small.image)
    assert find_faces(image, affine, threshold)[MEDIAPIPE.name] >= 3
    assert find_faces(image, TURN @ affine, threshold)[MEDIAPIPE.name] == 0
    assert capfd.readouterr().err == ""
