"""Budgets: their periods, their states, and what was spent against them."""

from common.budgets.status import (
    BAND_OK_MAX_TOKENS,
    BAND_WATCH_MAX_TOKENS,
    DEFAULT_THRESHOLDS,
    Amount,
    Band,
    BudgetState,
    BudgetStatus,
    check_thresholds,
    divide_tokens,
    list_crossed,
    name_band,
    name_level,
    name_state,
    read_status,
    show_kilo,
    show_percent,
)

__all__ = [
    "BAND_OK_MAX_TOKENS",
    "BAND_WATCH_MAX_TOKENS",
    "DEFAULT_THRESHOLDS",
    "Amount",
    "Band",
    "BudgetState",
    "BudgetStatus",
    "check_thresholds",
    "divide_tokens",
    "list_crossed",
    "name_band",
    "name_level",
    "name_state",
    "read_status",
    "show_kilo",
    "show_percent",
]
