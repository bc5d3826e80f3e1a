"""Evaluations that an older version wrote."""

import json
from pathlib import Path

from distill.evaluation import load
from distill.evaluation.margins import Margins
from tests import synthetic_evaluations as synthetic


def test_schema_1_is_read_as_schema_2(tmp_path: Path) -> None:
    rows = synthetic.generations({"nurse": 1.2, "plumber": -0.8, "clerk": 0.1})
    new = synthetic.write(tmp_path / "new", rows, synthetic.metrics(rows))
    content = json.loads((new / "metrics.json").read_text(encoding="utf-8"))
    scores = content["disparity"]["unigram"]
    expected = {name: scores[name] for name in ("rms_log_odds", "parity")}
    for name in ("parity", "mean_abs_error"):
        del scores[name]
    scores |= {"rms_log_odds": 1.2, "fair_rms_log_odds": 0.3, "fair_rms_high": 0.4}
    content["schema"] = 1
    (new / "metrics.json").write_text(json.dumps(content), encoding="utf-8")
    read = load(new).metrics
    assert read["schema"] == 2
    upgraded = read["disparity"]["unigram"]
    assert upgraded["parity"] == expected["parity"]
    assert upgraded["rms_log_odds"] == expected["rms_log_odds"]
    assert upgraded["parity"]["margin"] == Margins().parity
    assert "fair_rms_high" not in upgraded
