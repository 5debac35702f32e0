"""Templates of the pages, and how data gets into them unharmed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from bids_deface import __version__

#: What may end a script element or start another: written as JSON's own escapes.
UNSAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the environment of all pages: everything is escaped, nothing may be missing."""
    return Environment(
        loader=PackageLoader("bids_deface.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(template: str, style: str, scripts: Sequence[str], **data: Any) -> str:
    """Return a page in which nothing runs but its own scripts.

    Parameters
    ----------
    template, style, scripts
        Files of the templates' folder; the page says ``style``, ``script`` and, for its
        Content-Security-Policy, their hashes.
    **data
        What else the template asks for.
    """
    css, script = inline(style), Markup("").join(inline(name) for name in scripts)
    return environment().get_template(template).render(
        version=__version__,
        style=css,
        script=script,
        style_hash=content_hash(css),
        script_hash=content_hash(script) if script else "'none'",
        **data,
    )  # fmt: skip


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
