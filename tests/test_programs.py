"""Programs that commands call: their environment."""

import pytest

from commands.programs import surroundings


def test_threads_that_wait_sleep_unless_somebody_wants_them_to_spin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    assert surroundings()["GOMP_SPINCOUNT"] == "0"

    monkeypatch.setenv("GOMP_SPINCOUNT", "1000")
    assert surroundings()["GOMP_SPINCOUNT"] == "1000"
