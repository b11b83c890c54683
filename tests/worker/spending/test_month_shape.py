"""The edges of months count where two months show them, and months begin where the period does."""

from datetime import date, timedelta

from worker.spending.month_shape import PLAIN, MonthShape, begin_month, fit_month


def ratios_of(months: int, first: float, last: float, shown: int = 9) -> tuple[list[date], list[float]]:
    """Days of 2026 from January on, with 20 % of noise, whose first `shown` months have edges of three days."""
    days = [
        date(2026, 1, 1) + timedelta(days=n) for n in range((begin_month(2026, months + 1, 1) - date(2026, 1, 1)).days)
    ]
    ratios = []
    for n, day in enumerate(days):
        left = (begin_month(day.year, day.month + 1, 1) - day).days
        edge = first if day.day <= 3 else last if left <= 3 else 1.0
        ratios.append((edge if day.month <= shown else 1.0) * (0.8 if n % 2 else 1.2))
    return days, ratios


def fit(days: list[date], ratios: list[float]) -> MonthShape:
    return fit_month(days, ratios, [1.0] * len(days), MonthShape())


def test_edges_that_three_months_show_are_taken_and_the_days_after_them_are_not() -> None:
    found = fit(*ratios_of(3, 2.0, 1.8))
    assert all(1.7 < factor < 2.3 for factor in found.first[:3])
    assert all(1.4 < factor < 2.1 for factor in found.last[:3])
    assert all(0.8 <= factor <= 1.2 for factor in (*found.first[3:], *found.last[3:]))
    assert found.factor(date(2026, 4, 1)) == found.first[0]
    assert found.factor(date(2026, 4, 30)) == found.last[0]
    assert found.factor(date(2026, 4, 15)) == 1
    assert found.error_of(date(2026, 4, 1)) > found.error_of(date(2026, 4, 15)) == 0


def test_one_month_shows_nothing() -> None:
    assert fit(*ratios_of(1, 3.0, 3.0)).is_plain
    assert fit(*ratios_of(3, 3.0, 3.0, shown=1)).first == PLAIN


def test_even_months_are_plain() -> None:
    assert fit(*ratios_of(3, 1.0, 1.0)).is_plain


def test_months_begin_where_the_period_does_and_end_where_it_ends() -> None:
    shape = MonthShape(31, (date(2026, 3, 31), date(2026, 4, 30)))
    assert shape.month_of(date(2026, 3, 30)) == (date(2026, 2, 28), date(2026, 3, 31))
    assert shape.month_of(date(2026, 4, 29)) == (date(2026, 3, 31), date(2026, 4, 30))
    assert begin_month(2026, 13, 31) == date(2027, 1, 31)
    assert begin_month(2026, 0, 5) == date(2025, 12, 5)
