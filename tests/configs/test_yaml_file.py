"""What a settings file may not be, each refused in words, with its line, in no time."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from configs.errors import ConfigError
from configs.settings_file import load_settings
from configs.yaml_file import MAX_BYTES, MAX_DEPTH, read_yaml

BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10)
)
FAULTS = {
    "key_twice": ("name: a\nstate: x\nname: b\n", ["name: found the key name twice, in lines 1 and 3"]),
    "key_three_times": ("a: 1\na: 2\na: 3\n", ["the key a 3 times, in lines 1, 2 and 3"]),
    "keys_twice_below": (
        "a: {b: 1, b: 2}\nc: [{d: 1}, {d: 1, d: 2}]\n",
        ["a.b: found the key b twice, in lines 1 and 1", "c[1].d: found the key d twice, in lines 2 and 2"],
    ),
    "quoted_and_plain": ("a: 1\n'a': 2\n", ["the key a twice, in lines 1 and 2"]),
    "no_name": ("1: a\n", ["the key '1' in line 1", "put it in quotes"]),
    "yes_is_no_name": ("a: {on: 1}\n", ["a: found the key 'on' in line 1"]),
    "list_as_key": ("? [a]\n: b\n", ["the key of several values in line 1"]),
    "aliases": (
        BOMB,
        ["more than 100,000 values by line 5, each alias counted as what it stands for", "take out the aliases"],
    ),
    "alias_of_itself": ("a: &a [1, *a]\n", ["the alias *a within what it stands for, in line 1"]),
    "deep_lists": ("a: " + "[" * 100_000, [f"nested more than {MAX_DEPTH} deep in line 1"]),
    "deep_mappings": ("a: " + "{a: " * 5_000, [f"nested more than {MAX_DEPTH} deep in line 1"]),
    "no_day": ("a: {b: 2024-02-30}\n", ["a.b: found '2024-02-30' in line 1 (day is out of range for month)"]),
    "huge_number": ("a: " + "9" * 5_000, ["a: found '99", "in line 1"]),
    "no_number": ("a: !!int x\n", ["a: found 'x' in line 1"]),
    "code": ("a: !!python/object/apply:os.getcwd []\n", ["could not determine a constructor", "line 1"]),
    "open_bracket": ("a: [1\n", ["valid YAML", "line"]),
}


@pytest.fixture(scope="module")
def honest_seconds(tmp_path_factory: pytest.TempPathFactory) -> float:
    """The processor's seconds for a long file that means what it says."""
    path = tmp_path_factory.mktemp("yaml") / "long.yaml"
    path.write_text("".join(f"a{number}: {{b: [1, 2]}}\n" for number in range(2_000)), encoding="utf-8")
    began = time.process_time()
    read_yaml(path)
    return time.process_time() - began


@pytest.mark.parametrize(("text", "texts"), FAULTS.values(), ids=FAULTS)
def test_what_yaml_allows_and_nobody_means_is_refused_at_once(
    text: str, texts: list[str], tmp_path: Path, honest_seconds: float
) -> None:
    path = tmp_path / "forewarn.yaml"
    path.write_text(text, encoding="utf-8")
    began = time.process_time()
    with pytest.raises(ConfigError) as raised:
        read_yaml(path)
    took = time.process_time() - began
    assert took < honest_seconds
    for part in (str(path), *texts):
        assert part in str(raised.value)


def test_aliases_and_merges_that_are_meant_are_read(tmp_path: Path) -> None:
    path = tmp_path / "forewarn.yaml"
    path.write_text(
        "b: &b {x: 1, y: 2}\nc: &c {<<: *b, x: 3}\nd: {<<: [*c, *b], y: 4}\ne: [*b, *b]\n", encoding="utf-8"
    )
    body = read_yaml(path)
    assert body == {"b": {"x": 1, "y": 2}, "c": {"x": 3, "y": 2}, "d": {"x": 3, "y": 4}, "e": [{"x": 1, "y": 2}] * 2}


def test_a_file_that_is_no_text_or_no_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "forewarn.yaml"
    path.write_bytes(b"name: \xff\n")
    with pytest.raises(ConfigError, match="byte 6 is no UTF-8"):
        load_settings(path)
    path.write_text("x" * (MAX_BYTES + 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="1,000,001 bytes; expected settings of at most 1,000,000 bytes"):
        load_settings(path)
    with pytest.raises(ConfigError, match="Is a directory"):
        load_settings(tmp_path)
    path.write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="found nothing; expected a mapping of settings"):
        load_settings(path)


def test_files_that_extend_each_other_in_a_circle_are_named(tmp_path: Path) -> None:
    for name, extends in (("a", "b"), ("b", "sub/c"), ("sub/c", "../b")):
        (tmp_path / "sub").mkdir(exist_ok=True)
        (tmp_path / f"{name}.yaml").write_text(f"extends: {extends}.yaml\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"c\.yaml: extends: found b\.yaml -> c\.yaml -> b\.yaml"):
        load_settings(tmp_path / "a.yaml")


@pytest.mark.parametrize("extends", ["[a]", "3", "", "{a: b}"])
def test_extends_names_one_file(extends: str, tmp_path: Path) -> None:
    (tmp_path / "forewarn.yaml").write_text(f"extends: {extends}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the name of one file"):
        load_settings(tmp_path / "forewarn.yaml")


@pytest.mark.parametrize("tables", ["[a]", "a", "{accounts: [a]}", "{accounts: {from: a, columns: [b]}}"])
def test_tables_of_another_shape_are_a_fault(tables: str, tmp_path: Path) -> None:
    (tmp_path / "forewarn.yaml").write_text(f"tables: {tables}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="valid dictionary"):
        load_settings(tmp_path / "forewarn.yaml")


def test_the_folder_of_the_settings_is_no_setting(tmp_path: Path) -> None:
    (tmp_path / "forewarn.yaml").write_text("folder: elsewhere\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="folder: found a setting; expected no such setting"):
        load_settings(tmp_path / "forewarn.yaml")
