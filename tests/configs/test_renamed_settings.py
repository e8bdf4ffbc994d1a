"""A settings file under old names is read as under the new ones, and says what to rename."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.renamed_settings import RENAMED, with_current_names
from configs.settings import Settings
from configs.settings_file import load_settings

FILE = Path("forewarn.yaml")
TABLES = "tables: {accounts: {from: a.csv}, contracts: {from: c.csv}}\n"
OLD = "training: {trees: {leaves: 9, rounds: 70, min_child: 30, feature_share: 0.4, row_share: 0.9}}\n"
NEW = (
    "training: {trees: {num_leaves: 9, n_estimators: 70, min_child_samples: 30, "
    "feature_fraction: 0.4, bagging_fraction: 0.9}}\n"
)


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / "forewarn.yaml"
    path.write_text(TABLES + text, encoding="utf-8")
    return load_settings(path)


def test_old_names_set_what_the_new_ones_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = settings_of(tmp_path, OLD)
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 5
    assert (
        f"{tmp_path / 'forewarn.yaml'}: the setting training.trees.leaves is now training.trees.num_leaves"
        in (lines[0])
    )
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    caplog.clear()
    new = settings_of(tmp_path, NEW)
    assert not caplog.records
    assert old == new
    assert old.version == new.version
    assert old.training.trees.n_estimators == 70


def test_a_file_that_another_extends_may_use_old_names(tmp_path: Path) -> None:
    """Each file is read under current names before they are merged: the nearer file still wins."""
    (tmp_path / "base.yaml").write_text(TABLES + OLD, encoding="utf-8")
    (tmp_path / "own.yaml").write_text("extends: base.yaml\ntraining: {trees: {num_leaves: 5}}\n", encoding="utf-8")
    trees = load_settings(tmp_path / "own.yaml").training.trees
    assert (trees.num_leaves, trees.n_estimators) == (5, 70)


def test_both_names_in_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.trees\.leaves: found training\.trees\.num_leaves beside it"):
        settings_of(tmp_path, "training: {trees: {leaves: 9, num_leaves: 4}}\n")


def test_a_name_that_never_was_is_refused_still(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"training\.trees\.leafs"):
        settings_of(tmp_path, "training: {trees: {leafs: 9}}\n")


@pytest.mark.parametrize(
    ("renamed", "body", "expected"),
    [
        (("a", "b"), {"a": 1, "c": 2}, {"c": 2, "b": 1}),
        (("a.b", "c.d"), {"a": {"b": 1}}, {"c": {"d": 1}}),  # a section that holds nothing else goes with it
        (("a.b", "c.d"), {"a": {"b": 1, "e": 2}}, {"a": {"e": 2}, "c": {"d": 1}}),
        (("a.*.b", "a.*.c"), {"a": [{"b": 1}, {"x": 2}, {"b": 3}]}, {"a": [{"c": 1}, {"x": 2}, {"c": 3}]}),
        (("a.*.b", "a.*.c"), {"a": {"p": {"b": 1}, "q": {"c": 2}}}, {"a": {"p": {"c": 1}, "q": {"c": 2}}}),
        (("a.b", "a.c"), {"a": None}, {"a": None}),
        (("a.b", "a.c"), {"a": [1]}, {"a": [1]}),
        (("a.*.b", "a.*.c"), {"a": "text"}, {"a": "text"}),
    ],
)
def test_values_move_to_their_new_place(renamed: tuple[str, str], body: dict, expected: dict) -> None:
    before = repr(body)
    assert with_current_names(body, FILE, (renamed,)) == expected
    assert repr(body) == before


def test_no_old_name_is_a_setting_and_every_new_one_is() -> None:
    """Of those without a star; what a pair renames to cannot be renamed again by a later pair."""
    for old, new in RENAMED:
        assert old.count("*") == new.count("*")
        if "*" not in old:
            assert not _is_a_setting(old), old
            assert _is_a_setting(new), new


def _is_a_setting(path: str) -> bool:
    model = Settings
    for part in path.split("."):
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if part not in fields:
            return False
        model = fields[part].annotation  # type: ignore[assignment]
    return True


def test_texts_of_the_framework_are_read_under_their_old_name() -> None:
    """In lists of rules and in criteria by stage alike."""
    framework = {
        "criteria": {"entry": {"adoption": [{"signal": "log_ins", "says": "log-ins"}]}},
        "triggers": [{"name": "quiet", "says": "No log-in"}, {"name": "angry", "description": "Low satisfaction"}],
        "escalations": [{"name": "big", "says": "Much is up for renewal"}],
    }
    current = with_current_names({"framework": framework}, Path("forewarn.yaml"))["framework"]
    assert current["criteria"]["entry"]["adoption"] == [{"signal": "log_ins", "label": "log-ins"}]
    assert [trigger["description"] for trigger in current["triggers"]] == ["No log-in", "Low satisfaction"]
    assert current["escalations"] == [{"name": "big", "description": "Much is up for renewal"}]
