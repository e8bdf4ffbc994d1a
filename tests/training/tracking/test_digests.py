"""Files of a model against their digests in the registry: each that is not as it was registered is named."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from configs.errors import UsageError
from training.tracking import digests
from training.tracking.digests import check_files, digest_of, file_digests


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn" / "trees.txt").write_text("tree\nleaf_value=0.1 0.2\n")
    (tmp_path / "meta.json").write_text("{}")
    return tmp_path


def test_files_as_they_were_registered_pass(folder: Path) -> None:
    registered = file_digests(folder)
    assert list(registered) == ["churn/trees.txt", "meta.json"]
    assert check_files(folder, registered, "2") == digest_of(registered)


@pytest.mark.parametrize(
    ("change", "named", "found"),
    [
        (lambda folder: (folder / "churn" / "trees.txt").write_text("tree\nleaf_value=9.1 0.2\n"), "churn/trees.txt",
         "sha256"),
        (lambda folder: (folder / "churn" / "trees.txt").write_text("tree\n"), "churn/trees.txt", "sha256"),
        (lambda folder: (folder / "meta.json").unlink(), "meta.json", "no such file"),
        (lambda folder: (folder / "more.json").write_text("{}"), "more.json", "sha256"),
    ],
    ids=["same size", "cut short", "gone", "one more"],
)  # fmt: skip
def test_each_other_file_is_named(folder: Path, change: object, named: str, found: str) -> None:
    registered = file_digests(folder)
    change(folder)  # type: ignore[operator]
    with pytest.raises(UsageError) as refused:
        check_files(folder, registered, "2")
    (fault,) = refused.value.faults
    assert fault.where == f"version 2, {named}"
    assert fault.found.startswith(found)


def test_a_version_that_was_registered_without_digests_has_one_all_the_same(folder: Path) -> None:
    assert check_files(folder, {}, "1") == digest_of(file_digests(folder))


def test_the_mlflow_model_says_what_it_lacks_where_forewarn_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("training", "training.model"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match="this model is forewarn's, which is not installed here"):
        runpy.run_path(str(Path(digests.__file__).with_name("pyfunc_model.py")))
