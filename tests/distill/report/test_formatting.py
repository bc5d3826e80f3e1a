import pytest

from distill.report.formatting import percent


@pytest.mark.parametrize(
    ("share", "digits", "text"),
    [(-0.001, 0, "0 %"), (-0.001, 1, "−0.1 %"), (0.0, 0, "0 %"), (-0.416, 0, "−42 %"), (0.005, 1, "0.5 %")],
)
def test_a_percentage_has_a_minus_only_where_it_is_not_nought(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text
