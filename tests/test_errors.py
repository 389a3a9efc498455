import errno

import pytest

from pipeline.errors import LISTED, InputError, complain, user_errors


def test_no_problems_raise_nothing():
    complain([], "lines cannot be read")


def test_all_problems_are_listed_under_their_summary():
    with pytest.raises(InputError) as caught:
        complain(["a:1: wrong", "a:2: wrong"], "lines cannot be read")
    assert str(caught.value) == "lines cannot be read (2):\n  a:1: wrong\n  a:2: wrong"


@pytest.mark.parametrize("extra", [0, 1])
def test_problems_beyond_the_limit_are_counted(extra):
    with pytest.raises(InputError) as caught:
        complain([f"a:{number}" for number in range(LISTED + extra)], "wrong")
    heading, *listed = str(caught.value).splitlines()
    assert heading == f"wrong ({LISTED + extra}):"
    assert listed[:LISTED] == [f"  a:{number}" for number in range(LISTED)]
    assert listed[LISTED:] == ["  … and 1 more"] * extra


def test_input_error_ends_with_status_2_and_one_line(capsys):
    with pytest.raises(SystemExit) as caught, user_errors():
        raise InputError("a.yaml: no such config file")
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "netral: a.yaml: no such config file\n")


@pytest.mark.parametrize(
    ("number", "said", "advice"),
    [
        (errno.ENOSPC, "No space left on device", "choose another place or make room"),
        (errno.EACCES, "Permission denied", "change its permissions or choose another place"),
        (errno.ENAMETOOLONG, "File name too long", "choose another place or make room"),
        (errno.EROFS, "Read-only file system", "choose another place or make room"),
    ],
)
def test_place_that_cannot_be_written_ends_with_status_2(capsys, number, said, advice):
    with pytest.raises(SystemExit) as caught, user_errors():
        raise OSError(number, said, "out/part.parquet")
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"netral: out/part.parquet: {said}; {advice}\n"


def test_error_without_a_file_name_speaks_of_the_output(capsys):
    with pytest.raises(SystemExit), user_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert capsys.readouterr().err.startswith("netral: output: No space left on device;")


def test_missing_file_ends_with_status_2(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, user_errors():
        (tmp_path / "sentences.parquet").read_bytes()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith(f"netral: {tmp_path}/sentences.parquet: no such file; 'dvc repro' makes ")


def test_missing_file_is_made_by_dvc_for_stages_alone(tmp_path, capsys):
    with pytest.raises(SystemExit), user_errors(missing="check its name"):
        (tmp_path / "news.jsonl").read_bytes()
    assert capsys.readouterr().err == f"netral: {tmp_path}/news.jsonl: no such file; check its name\n"


@pytest.mark.parametrize(
    "fault", [KeyError("x"), ValueError("x"), OSError(errno.EIO, "Input/output error", "x"), KeyboardInterrupt()]
)
def test_faults_of_ours_pass_through(fault):
    with pytest.raises(type(fault)) as caught, user_errors():
        raise fault
    assert caught.value is fault


def test_work_without_errors_ends_as_usual(capsys):
    with user_errors():
        print("done")
    assert capsys.readouterr() == ("done\n", "")
