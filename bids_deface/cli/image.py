"""``bids-deface-image``: one file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bids_deface import __version__
from bids_deface.anatomy import ALL_FEATURES
from bids_deface.cli.main import guarded
from bids_deface.cli.parser import (
    CORRECTIONS,
    KEEP_EXTENSIONS,
    Parser,
    add_model,
    add_strength,
)
from bids_deface.cli.values import methods_of
from bids_deface.containers.names import USUAL_SUFFIX, container_of, split_name
from bids_deface.kinds import Container


def build_parser() -> Parser:
    """Return the parser of ``bids-deface-image``."""
    parser = Parser(
        prog="bids-deface-image", description="Hide the facial features in one head scan.",
        allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "in_file", type=Path, metavar="IN", help="head scan: .nii(.gz), .hdr/.img, .mgh or .mgz"
    )
    parser.add_argument(
        "out_file", type=Path, metavar="OUT", help="defaced scan, same kind of file"
    )
    parser.add_argument(
        "--mask-out", type=Path, metavar="FILE", help="mask of what may have changed (NIfTI)"
    )
    parser.add_argument(
        "--apply-to", type=Path, nargs="+", default=[], metavar="FILE",
        help="other scans of the same session, defaced with the same regions into OUT's folder "
        "as NAME_defaced.nii.gz (.img, .mgz)",
    )  # fmt: skip
    parser.add_argument(
        "--features", nargs="+", metavar="FEATURE",
        help=f"{' '.join(ALL_FEATURES)}, and what else the model knows (default: all)",
    )  # fmt: skip
    parser.add_argument("--protocol", default="default", help="default or jeong2020")
    add_strength(parser)
    parser.add_argument("--corrections", type=Path, metavar="FILE", help=CORRECTIONS)
    add_model(parser)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--random-seed", type=int, help="repeat the random fill (tests)")
    parser.add_argument("--accept-doubt", action="store_true", help="write in spite of doubts")
    parser.add_argument("--keep-extensions", action="store_true", help=KEEP_EXTENSIONS)
    parser.add_argument("--version", action="version", version=f"bids-deface {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""

    def job() -> int:
        args = build_parser().parse_args(argv)
        # Names are checked before torch is loaded.
        from bids_deface.detection.model_file import read_feature_table
        from bids_deface.settings import DefaceSettings

        DefaceSettings.of(
            args.features, args.protocol, level=args.level,
            table=read_feature_table(args.model), methods=methods_of(args.method),
        )  # fmt: skip
        from bids_deface.deface_file import deface_image

        others = [(path, _beside(args.out_file, path)) for path in args.apply_to]
        result = deface_image(
            args.in_file,
            args.out_file,
            features=args.features,
            protocol=args.protocol,
            level=args.level,
            on_doubt=args.on_doubt,
            mask_file=args.mask_out,
            apply_to=others,
            model=args.model,
            methods=methods_of(args.method),
            device=args.device,
            random_seed=args.random_seed,
            accept_doubt=args.accept_doubt,
            keep_extensions=args.keep_extensions,
            corrections=args.corrections,
            tell=lambda note: sys.stderr.write(f"note: {note}\n"),
        )
        changed = result.changes.changed
        sys.stdout.write(f"{args.out_file}: {result.verdict.decision}, {changed} voxels changed\n")
        for _, other_out in others:
            sys.stdout.write(f"{other_out}: written with the same regions\n")
        return 0

    return guarded("bids-deface-image", job)


def _beside(out_file: Path, other: Path) -> Path:
    """Return where another scan of the session goes: into the folder of the first output."""
    suffix = USUAL_SUFFIX[container_of(other) or Container.NIFTI]
    return out_file.parent / f"{split_name(other)[0]}_defaced{suffix}"


if __name__ == "__main__":
    sys.exit(main())
