"""``python -m syncline``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import syncline


def command(*arguments: str, at: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "syncline", *arguments], cwd=at, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--version",), 0, "syncline 0."),
        (("--help",), 0, "Exit codes:"),
        (("init",), 0, ""),
        (("status",), 3, "syncline.toml"),
        (("nonsense",), 2, "unrecognized subcommand"),
        (("connectors", "--output", "json"), 0, "salesforce"),
    ],
)
def test_the_command_line_is_the_same(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    ended = command(*arguments, at=tmp_path)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stdout + ended.stderr
    assert syncline.__version__.startswith("0.")
