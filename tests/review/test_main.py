"""``bids-deface-ui`` as it is typed."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request

import pytest

from bids_deface.review.main import _listening, build_parser, main
from tests.conftest import command
from tests.review.browsing import serving


def test_it_listens_on_this_machine_alone(tmp_path):
    args = build_parser().parse_args([])
    with _listening(args.host, 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
    assert not args.allow_remote


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_others_are_let_in_only_by_those_who_say_so(host, capsys):
    assert main(["--host", host, "--no-browser"]) == 64
    assert "--allow-remote" in capsys.readouterr().err


def test_a_missing_root_and_a_taken_port_are_told(tmp_path, capsys):
    assert main([str(tmp_path / "none"), "--no-browser"]) == 66
    assert "does not exist" in capsys.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert main([str(tmp_path), "--no-browser", "--port", port]) == 73
    assert "Choose another --port" in capsys.readouterr().err
    assert main([str(tmp_path), "--no-browser", "--port", "99999"]) == 73


def test_a_missing_server_is_told_with_the_remedy(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main([str(tmp_path), "--no-browser"]) == 69
    assert "pip install 'bids-deface[ui]'" in capsys.readouterr().err


def test_help_loads_no_server_and_no_torch():
    script = (
        "import sys\nfrom bids_deface.review.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "loaded = {'torch', 'starlette', 'uvicorn', 'nibabel', 'nipype'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)"
    )
    call = [sys.executable, "-c", script]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--allow-remote" in done.stdout


def test_the_address_lets_one_in_and_the_log_has_no_token(tmp_path):
    with serving(tmp_path, tmp_path / "state") as address:
        with urllib.request.urlopen(address) as answer:
            assert "HttpOnly" in answer.headers["set-cookie"]
            assert "server" not in answer.headers
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address.partition("?")[0])
        with refused.value as error:
            assert error.code == 401
    assert not (tmp_path / "state").exists(), "nothing is kept before a run"


def test_unknown_options():
    done = command("--upload", module="bids_deface.review.main")
    assert done.returncode == 64
