"""The command itself: quick to ask, clear about mistakes."""

import subprocess
import sys

from typer.testing import CliRunner

from pipeline.cli import app


def test_help_imports_nothing_heavy():
    code = "import sys; import pipeline.cli; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {
        "torch",
        "transformers",
        "numpy",
        "pyarrow",
        "onnxruntime",
        "mlflow",
        "pydantic",
        "trafilatura",
    }


def test_help_names_every_command():
    output = CliRunner().invoke(app, ["--help"]).output
    assert "classify" in output
    assert "pretrain" in output


def test_wrong_usage_exits_with_2():
    assert CliRunner().invoke(app, ["classify"]).exit_code == 2
    assert CliRunner().invoke(app, ["classify", "x", "--unit", "paragraph"]).exit_code == 2


def test_pretrain_names_the_missing_text(tmp_path):
    result = CliRunner().invoke(app, ["pretrain", str(tmp_path / "none.txt"), "--out", str(tmp_path / "encoder")])
    assert result.exit_code == 2
    assert "none.txt: no such text file" in result.output
