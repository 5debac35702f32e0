"""From what was chosen on the page to the command line that does it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from bids_deface.cli import dicom, image, parser
from bids_deface.containers.names import USUAL_SUFFIX, container_of, split_name
from bids_deface.errors import OutputError, UsageError
from bids_deface.review.corrections import corrections_file
from bids_deface.review.roots import Roots


class Kind(StrEnum):
    """What is to be defaced."""

    DATASET = "dataset"
    DICOM = "dicom"
    IMAGE = "image"


PROGRAMS = {
    Kind.DATASET: "bids-deface",
    Kind.DICOM: "bids-deface-dicom",
    Kind.IMAGE: "bids-deface-image",
}
MODULES = {
    Kind.DATASET: "bids_deface",
    Kind.DICOM: "bids_deface.cli.dicom",
    Kind.IMAGE: "bids_deface.cli.image",
}
PARSERS = {
    Kind.DATASET: parser.build_parser,
    Kind.DICOM: dicom.build_parser,
    Kind.IMAGE: image.build_parser,
}
#: Of the command line: what a person says of where the features are.
CORRECTIONS = "--corrections"
#: Options that the page offers; what they mean and take is asked of the parsers. Those that name
#: files or run other code (--model, --use-plugin) are for the command line alone.
_STRENGTH = ("features", "protocol", "level", "on_doubt")
_HEADERS = ("keep_dates", "clean_descriptors", "keep_patient_characteristics", "include_other")
OFFERED = {
    Kind.DATASET: (
        *_STRENGTH, "participant_label", "session_label", "modalities", "include", "nprocs",
        "keep_extensions", "skip_bids_validation", "force",
    ),
    Kind.DICOM: (*_STRENGTH, *_HEADERS, "nprocs", "force"),
    Kind.IMAGE: (*_STRENGTH, "keep_extensions", "accept_doubt"),
}  # fmt: skip


@dataclass(frozen=True)
class Command:
    """One call of the command line.

    Attributes
    ----------
    kind
        Which program.
    source, output
        Input and output; for a single image the output file.
    options
        As typed.
    """

    kind: Kind
    source: Path
    output: Path
    options: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """What ``python -m`` runs."""
        return MODULES[self.kind]

    @property
    def arguments(self) -> tuple[str, ...]:
        """What comes after the program's name."""
        level = ("participant",) if self.kind is Kind.DATASET else ()
        return (str(self.source), str(self.output), *level, *self.options)

    @property
    def folder(self) -> Path:
        """The folder that is written to."""
        return self.output.parent if self.kind is Kind.IMAGE else self.output

    @property
    def shown(self) -> str:
        """The same as one types it in a shell."""
        return shlex.join((PROGRAMS[self.kind], *self.arguments))


def command_of(form: Mapping[str, Any], roots: Roots) -> Command:
    """Return the command for a form that was filled in.

    Parameters
    ----------
    form
        ``kind``, ``source`` and ``output`` (a folder) in words, and ``options``: names of
        parameters to a word, a list of words, a number or true.
    roots
        All places must lie in them.

    Raises
    ------
    DefaceError
        Something is missing, unknown or not allowed; in words.
    """
    if form.get("kind") not in [*Kind]:
        raise UsageError("Choose what to deface: a BIDS dataset, DICOM or one image.")
    kind = Kind(form["kind"])
    source = roots.path(_word(form.get("source"), "the input"))
    folder = roots.path(_word(form.get("output"), "the output folder"))
    output = folder / _output_name(source) if kind is Kind.IMAGE else folder
    # What must not be shared goes beside the output of DICOM.
    if kind is Kind.DICOM and not roots.holds(folder.with_name(f"{folder.name}-private")):
        raise OutputError(f"Beside {folder} nothing may be written.", "Choose a folder within it.")
    options = form.get("options") or {}
    if not isinstance(options, Mapping):
        raise UsageError("The options are not understood.")
    typed = typed_options(kind, options)
    if kind is Kind.DATASET:
        typed += corrections_option(output)
    if kind is Kind.IMAGE:
        typed += ["--mask-out", str(folder / f"{split_name(source)[0]}_defaced_mask.nii.gz")]
    command = Command(kind, source, output, tuple(typed))
    check(command)
    return command


def check(command: Command) -> None:
    """Raise `UsageError`, in the words of the command line, where it would refuse a command."""
    arguments = list(command.arguments)
    if command.kind is Kind.DATASET:
        args = parser.parse(arguments)
    else:
        args = PARSERS[command.kind]().parse_args(arguments)
    from bids_deface.settings import DefaceSettings

    DefaceSettings.of(args.features, args.protocol, None, args.level, args.on_doubt)


def _output_name(source: Path) -> str:
    container = container_of(source)
    if container is None:
        raise UsageError(f"{source.name} is no image that can be read.", "Choose .nii.gz or .mgz.")
    return f"{split_name(source)[0]}_defaced{USUAL_SUFFIX[container]}"


def corrections_option(output_dir: Path) -> list[str]:
    """Return what makes the command line heed the corrections of a derivatives folder.

    Nothing where there are none. All later runs need it: without it a corrected image would be
    done again as if nobody had looked at it.
    """
    file = corrections_file(output_dir)
    return [CORRECTIONS, str(file)] if file.is_file() else []


def typed_options(kind: Kind, options: Mapping[str, Any]) -> list[str]:
    """Return options of the page as they are typed in a shell.

    Parameters
    ----------
    kind
        Which program.
    options
        Names of parameters to a word, a list of words, a number or true.

    Raises
    ------
    UsageError
        The page does not offer one, or a value could be taken for an option.
    """
    typed: list[str] = []
    for name, value in options.items():
        if name not in OFFERED[kind]:
            raise UsageError(f"The page has no option {name!r}.", "Use the command line for it.")
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            typed.append(flag)
        elif isinstance(value, list) and value:
            typed += [flag, *(_word(one, flag) for one in value)]
        elif value not in (None, False, "", []):
            typed += [flag, _word(value, flag)]
    return typed


def _word(value: object, what: str) -> str:
    """Return a value as one word of a command line that cannot be taken for an option."""
    text = str(value) if isinstance(value, str | int) else ""
    if not text.strip() or text.startswith("-") or "\0" in text:
        raise UsageError(f"Say {what}." if not text else f"{text!r} cannot be {what}.")
    return text.strip()
