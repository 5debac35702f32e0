"""Templates of the pages, and how data gets into them unharmed."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

#: What may end a script element or start another: written as JSON's own escapes.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def environment() -> Environment:
    """Return the environment of all pages: everything is escaped, nothing may be missing."""
    return Environment(
        loader=PackageLoader("bids_deface.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def inline(name: str) -> Markup:
    """Return a script or style of the templates' folder, to be put into a page as it is."""
    env = environment()
    if env.loader is None:
        raise RuntimeError("The environment has no templates.")
    return Markup(env.loader.get_source(env, name)[0])  # noqa: S704 - a file of this package


def content_hash(text: str) -> str:
    """Return the hash by which a Content-Security-Policy allows one script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def json_block(data: Any) -> Markup:
    """Return data as JSON that is safe within a script element, whatever its strings hold."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for character, escape in UNSAFE.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - escaped above
