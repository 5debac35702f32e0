"""Average the weights before and after a training run, as the shipped ones were made.

    python tools/average_weights.py BEFORE AFTER OUT --share 0.6

See docs/detector.md for what the share does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bids_deface.detection.weights import load_weights, save_weights


def main() -> None:
    """Write the average and its checksum."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the weights after, 0 to 1")
    args = parser.parse_args()
    before, after = load_weights(args.before), load_weights(args.after)
    if before.network.config != after.network.config or before.table != after.table:
        raise SystemExit("The two are weights of different networks or features.")
    one, two = before.network.state_dict(), after.network.state_dict()
    mixed = {name: one[name].lerp(two[name], args.share) for name in one}
    save_weights(args.out, mixed, after.network.config, after.table)


if __name__ == "__main__":
    main()
