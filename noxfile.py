"""The test matrix: ``nox`` (needs uv). One job: ``nox -s newest-3.12``.

Set UV_TORCH_BACKEND=cpu, or torch brings gigabytes of CUDA libraries on Linux.
"""

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_existing_virtualenvs = True


@nox.session(python=["3.11", "3.12", "3.13"])
def newest(session: nox.Session) -> None:
    """Run the tests with the newest dependencies."""
    session.install("-e", ".[test]")
    session.run("pytest", *session.posargs)


@nox.session(python="3.11")
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest dependencies that pyproject.toml allows."""
    session.install("--resolution", "lowest-direct", "-e", ".[test]")
    # Old libraries warn of each other.
    session.run("pytest", "-W", "default", *session.posargs)


@nox.session(python="3.11")
def docs(session: nox.Session) -> None:
    """Build the documentation site."""
    session.install("mkdocs-material>=9.5", "mkdocstrings[python]>=0.27")
    session.run("mkdocs", "build", "--strict")


@nox.session(python="3.11")
def check(session: nox.Session) -> None:
    """Run all checks: style, types, imports, spelling, tests."""
    session.install("-e", ".[test]")
    session.run("python", "tools/check.py", *session.posargs)
