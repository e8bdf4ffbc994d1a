from __future__ import annotations

import re
from pathlib import Path

import pytest

from configs.errors import UsageError
from serving.alerts.signing import headers, is_signed, secret_bytes

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")


def test_the_example_of_the_docs_verifies_what_we_sign() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    told: dict[str, object] = {}
    exec(code, told)
    assert told["genuine"] is True
    ours = headers("msg_1", 1_700_000_000, b"{}", [secret_bytes(str(told["secret"]))])
    changed = code.replace("now = 1614265330", "now = 1700000301").replace("b'{\"test\": 2432232314}'", "b'{}'")
    for name, value in ours.items():
        changed = re.sub(rf'"{name}": "[^"]+"', f'"{name}": "{value}"', changed)
    exec(changed, told)
    assert told["genuine"] is False  # 301 seconds old
    exec(changed.replace("1700000301", "1700000300"), told)
    assert told["genuine"] is True


@pytest.mark.parametrize("secret", ["", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_", "whsec_c2hvcnQ=", "whsec_!!"])
def test_what_is_no_secret_is_refused_and_not_shown(secret: str) -> None:
    with pytest.raises(UsageError) as caught:
        secret_bytes(secret)
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_call_without_a_header_is_not_believed(missing: str) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    given = headers("m", 1_000, b"{}", [secret_bytes(secret)])
    assert is_signed({name.title(): value for name, value in given.items()}, b"{}", secret, 1_000)
    assert not is_signed({name: value for name, value in given.items() if name != missing}, b"{}", secret, 1_000)
