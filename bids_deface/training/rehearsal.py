"""What a trained network knows fills in what nobody labelled: it is not to forget that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from bids_deface.anatomy import BRAIN_CLASS, head_scale
from bids_deface.detection.grid import SPACING_MM
from bids_deface.detection.inference import predict
from bids_deface.detection.weights import LoadedNetwork
from bids_deface.feature_table import FeatureTable
from bids_deface.training.data import EvaluationHead, TrainingHead


def rehearse(head: TrainingHead, teacher: LoadedNetwork, table: FeatureTable) -> TrainingHead:
    """Label what is unknown in a head as a trained network sees it.

    Labels that a person gave are kept; what the network does not know either stays unknown.

    Parameters
    ----------
    head
        On the detector's grid.
    teacher
        The trained network.
    table
        Features beside the standard ones of which ``head`` may have labels.
    """
    known = teacher.table.classes
    told = [c for c in head.unknown if table.classes[c] in known]
    if not told:
        return head
    seen = predict(teacher.network, head.image.float() / 255).argmax(0)
    classes = head.classes.clone()
    for channel in told:
        own = (seen == known.index(table.classes[channel])) & (head.classes == 0)
        classes[own] = channel
    return replace(
        head,
        classes=classes,
        visible=(*head.visible, *(table.classes[c] for c in told)),
        unknown=tuple(c for c in head.unknown if c not in told),
    )


def measured_places(
    heads: list[tuple[EvaluationHead, TrainingHead]], table: FeatureTable
) -> FeatureTable:
    """Return a table that knows where its features lie relative to the brain.

    Only features that every head has get a place, and only where labels of all their regions and
    a brain are there to measure it.

    Parameters
    ----------
    heads
        On the detector's grid: their labels, and their classes with the brain among them.
    table
        The features.
    """
    places: dict[int, list[np.ndarray]] = {}
    for head, trained in heads:
        brain = torch.argwhere(trained.classes == BRAIN_CLASS).numpy()
        if not len(brain):
            continue
        scale = head_scale(len(brain) * SPACING_MM**3 / 1000)
        for row in table.labels:
            drawn = np.argwhere(head.dseg == row.index)
            if len(drawn):
                offset = (drawn.mean(axis=0) - brain.mean(axis=0)) * SPACING_MM / scale
                places.setdefault(row.index, []).append(offset)
    features = []
    for feature in table.features:
        if feature.expected and all(index in places for index in feature.label):
            means = (np.mean(places[index], axis=0).round(1) for index in feature.label)
            offsets = tuple((float(x), float(y), float(z)) for x, y, z in means)
            features.append(replace(feature, offset_mm=offsets))
        else:
            features.append(feature)
    return FeatureTable(tuple(features))
