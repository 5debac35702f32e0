"""What stands for names, numbers and dates: keyed, so that equal things stay equal."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from bids_deface.errors import NoInputError, OutputError

KEY_BYTES: Final = 32
#: UIDs of the standard itself: classes, syntaxes, frames of reference of atlases.
STANDARD_UIDS: Final = "1.2.840.10008."
#: Shifted dates lie before 1925, as BIDS wants it; each patient has a shift of their own.
LEAST_SHIFT_DAYS: Final = 40_000
SHIFTS: Final = 3650


@dataclass(frozen=True)
class Pseudonyms:
    """Replacements that depend on a secret key and on what they replace, and on nothing else.

    Attributes
    ----------
    key
        Whoever knows it can find out which original a pseudonym stands for.
    """

    key: bytes

    def __repr__(self) -> str:
        """Tell nothing: representations end up in logs."""
        return "Pseudonyms(hidden)"

    def uid(self, uid: str) -> str:
        """Return the UID that stands for one; the standard's own stay (PS3.5, B.2)."""
        if not uid or uid.startswith(STANDARD_UIDS):
            return uid
        return f"2.25.{int.from_bytes(self._digest('uid', uid)[:16], 'big')}"

    def patient(self, patient_id: str, name: str = "") -> str:
        """Return the name and number that stand for a patient's."""
        digest = self._digest("patient", patient_id or name)
        return f"ANON{base64.b32encode(digest[:5]).decode('ascii')}"

    def shift_days(self, patient_id: str, name: str = "") -> int:
        """Return by how many days all dates of a patient lie too early."""
        digest = self._digest("shift", patient_id or name)
        return LEAST_SHIFT_DAYS + int.from_bytes(digest[:8], "big") % SHIFTS

    def fingerprint(self, *parts: object) -> str:
        """Return what tells whether something is as it was; only the key's owner can check it."""
        return self._digest("fingerprint", repr(parts)).hex()

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.new(self.key, f"{purpose}\0{text}".encode(), sha256).digest()


def shifted(value: str, days: int) -> str:
    """Return a DICOM date or date-time (DA, DT) some days earlier; nothing where it is none."""
    try:
        date = datetime.strptime(value[:8], "%Y%m%d")
        return f"{date - timedelta(days=days):%Y%m%d}".rjust(8, "0") + value[8:]
    except (ValueError, OverflowError):
        return ""


def load_key(path: Path) -> Pseudonyms:
    """Read a key; make one where there is none.

    Raises
    ------
    NoInputError
        The file is no key.
    OutputError
        It cannot be written.
    """
    try:
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, NotADirectoryError):
        return _new_key(path)
    except (OSError, UnicodeDecodeError) as error:
        raise NoInputError(f"The key file {path} cannot be read.") from error
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise NoInputError(
            f"{path} is no key of this program.", "Name a new file; a key is written into it."
        )
    return Pseudonyms(key)


def _new_key(path: Path) -> Pseudonyms:
    key = secrets.token_bytes(KEY_BYTES)
    write_secret(path, f"{key.hex()}\n")
    return Pseudonyms(key)


def write_secret(path: Path, text: str) -> None:
    """Write a file that nobody else may read, from its first moment.

    Raises
    ------
    OutputError
        It cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror}).") from error
