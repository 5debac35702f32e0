"""One forward pass of the shipped network by several CPU runtimes, turn by turn in one run.

    pip install onnx onnxruntime openvino      # each is optional: what is missing is left out
    python benchmarks/inference_runtimes.py [--threads 2] [--runs 7]

Prints median seconds, the ratio to torch float32, and the Dice of the regions against it.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bids_deface.detection.grid import conform
from bids_deface.detection.weights import load_weights
from bids_deface.population import synthetic_head
from bids_deface.training.losses import dice_per_class

Run = Callable[[np.ndarray], np.ndarray]


def torch_run(dtype: torch.dtype, channels_last: bool) -> Run:
    """Return a runner of torch."""
    network = load_weights().network
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    network = network.to(memory_format=layout)

    def run(image: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(image).to(memory_format=layout)
        enabled = dtype is torch.bfloat16
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            return network(batch).float().numpy()

    return run


def onnx_run(image: np.ndarray, threads: int) -> Run:
    """Return a runner of ONNX Runtime."""
    import onnxruntime

    path = Path(tempfile.mkdtemp()) / "network.onnx"
    network = load_weights().network.to(memory_format=torch.contiguous_format)
    torch.onnx.export(network, (torch.from_numpy(image),), path, dynamo=False, opset_version=17)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda data: session.run(None, {name: data})[0]


def openvino_run(image: np.ndarray, threads: int, precision: str) -> Run:
    """Return a runner of OpenVINO."""
    import openvino

    network = load_weights().network.to(memory_format=torch.contiguous_format)
    model = openvino.convert_model(network, example_input=torch.from_numpy(image))
    model.reshape(image.shape)
    config = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(model, "CPU", config)
    return lambda data: compiled(data)[0]


def runners(image: np.ndarray, threads: int) -> dict[str, Run]:
    """Return every runner that can be had here."""
    out = {
        "torch float32": torch_run(torch.float32, False),
        "torch float32 channels-last": torch_run(torch.float32, True),
        "torch bfloat16": torch_run(torch.bfloat16, False),
        "torch bfloat16 channels-last": torch_run(torch.bfloat16, True),
    }
    if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
        out["ONNX Runtime float32"] = onnx_run(image, threads)
    if importlib.util.find_spec("openvino"):
        out["OpenVINO float32"] = openvino_run(image, threads, "f32")
        out["OpenVINO bfloat16"] = openvino_run(image, threads, "bf16")
    return out


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    head = synthetic_head(np.random.default_rng(0), zoom=1)
    data = conform(head.data, head.affine).image
    padded = np.pad(data, [(0, -n % 16) for n in data.shape])[None, None]
    runs = runners(padded, args.threads)
    classes = {name: torch.from_numpy(run(padded)[0].argmax(0)) for name, run in runs.items()}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(args.runs):
        for name, run in runs.items():
            began = time.perf_counter()
            run(padded)
            seconds[name].append(time.perf_counter() - began)
    base = statistics.median(seconds["torch float32"])
    print(f"{padded.shape[2:]} voxels, {args.threads} threads, median of {args.runs}")
    for name, times in seconds.items():
        median = statistics.median(times)
        same = dice_per_class(classes[name], classes["torch float32"])
        dice = " ".join(f"{k} {v:.4f}" for k, v in same.items())
        print(f"{name:30} {median:.2f} s  {base / median:.2f}x  {dice}")


if __name__ == "__main__":
    main()
