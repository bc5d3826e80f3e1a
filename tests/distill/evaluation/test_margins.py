import math

import pytest

from distill.errors import UserError
from distill.evaluation.margins import Margins


@pytest.mark.parametrize("name", sorted(vars(Margins())))
@pytest.mark.parametrize("margin", [0.0, -0.1, math.nan, math.inf, 1e200])
def test_a_margin_that_is_none_is_refused(name: str, margin: float) -> None:
    with pytest.raises(UserError, match=f"--margins.{name} is .*; give a number above 0 and up to 20"):
        Margins(**{name: margin})
