from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from pipeline.config import Config, explain, load_config
from pipeline.errors import InputError


class Oven(Config):
    heat: float = Field(gt=0, le=300)
    dishes: tuple[str, ...] = ()
    fan: bool = True


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "oven.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_values_are_read_and_typed(tmp_path):
    config = load_config(write(tmp_path, "heat: 180\ndishes: [roti, kue]\nfan: false\n"), Oven)
    assert config == Oven(heat=180.0, dishes=("roti", "kue"), fan=False)


@pytest.mark.parametrize(("written", "value"), [("5e-05", 5e-05), ("1.0e-3", 0.001), ("1e2", 100.0), ("180", 180.0)])
def test_numbers_are_read_however_they_are_written(tmp_path, written, value):
    assert load_config(write(tmp_path, f"heat: {written}\n"), Oven).heat == value


def test_defaults_stand_where_the_file_is_silent(tmp_path):
    assert load_config(write(tmp_path, "heat: 180\n"), Oven).fan is True


def test_config_does_not_change():
    config = Oven(heat=180)
    with pytest.raises(ValidationError, match="frozen"):
        config.heat = 200


def test_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"nothing\.yaml: no such config file$"):
        load_config(tmp_path / "nothing.yaml", Oven)


@pytest.mark.parametrize("text", ["heat: [1,", "heat: 1\nheat: 2\n", "\theat: 1\n", b"heat: \xff\n"])
def test_file_that_is_no_yaml_is_an_input_error_in_one_line(tmp_path, text):
    with pytest.raises(InputError, match=r"^\S+oven\.yaml: is not valid YAML: .") as caught:
        load_config(write(tmp_path, text), Oven)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("heat: 180\nheta: 1\n", "unknown key 'heta' (known: heat, dishes, fan)"),
        ("", "'heat' is missing"),
        ("fan: true\n", "'heat' is missing"),
        ("heat: 0\n", "'heat': input should be greater than 0, found 0"),
        ("heat: hot\n", "'heat': input should be a valid number, unable to parse string as a number, found 'hot'"),
        ("heat: 180\ndishes: [1]\n", "'dishes.0': input should be a valid string, found 1"),
        ("- heat\n", "input should be a valid dictionary or instance of Oven, found ['heat']"),
        (
            "heat: 0\nfn: 1\n",
            "'heat': input should be greater than 0, found 0; unknown key 'fn' (known: heat, dishes, fan)",
        ),
    ],
)
def test_wrong_values_are_named_with_what_was_found(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_config(path, Oven)
    assert str(caught.value) == f"{path}: {message}"


def test_long_values_are_cut_short_in_errors():
    with pytest.raises(ValidationError) as caught:
        Oven(heat="x" * 1000)
    assert explain(caught.value, Oven).endswith(f"found '{'x' * 56}...")


def test_wrong_defaults_are_refused():
    class Cold(Config):
        heat: float = Field(default=0, gt=0)

    with pytest.raises(ValidationError):
        Cold()
