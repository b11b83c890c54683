"""The trace of an error in the form of its language, and what is kept of its frames."""

from typing import Any

import pytest

from api.ingest.receivers.sentry.frames import FRAMES_MAX, LEFT_OUT, LINES, Stack, write_stack

FRAMES = [
    {"function": "main", "module": "shop.main", "filename": "main.x", "abs_path": "/app/main.x", "lineno": 3},
    {"function": "total", "module": "shop.Cart", "filename": "cart.x", "abs_path": "/app/cart.x", "lineno": 12, "colno": 5,
     "in_app": True, "pre_context": ["a", "b"], "context_line": "  c()", "post_context": ["d"], "vars": {"n": 1}},
]  # fmt: skip
WRITTEN = {
    "python": [
        "Traceback (most recent call last):",
        '  File "/app/main.x", line 3, in main',
        '  File "/app/cart.x", line 12, in total',
        "    c()",
        "E: m",
    ],
    "node": ["E: m", "    at total (/app/cart.x:12:5)", "    at main (/app/main.x:3)"],
    "java": ["E: m", "\tat shop.Cart.total(cart.x:12)", "\tat shop.main.main(main.x:3)"],
    "go": [
        "E: m",
        "",
        "goroutine 1 [running]:",
        "shop.Cart.total(...)\n\t/app/cart.x:12",
        "shop.main.main(...)\n\t/app/main.x:3",
    ],
    "ruby": ["E: m", "\tfrom /app/cart.x:12:in `total'", "\tfrom /app/main.x:3:in `main'"],
    "php": ["E: m", "#0 /app/cart.x(12): total()", "#1 /app/main.x(3): main()"],
    "csharp": [
        "E: m",
        "   at shop.Cart.total() in /app/cart.x:line 12",
        "   at shop.main.main() in /app/main.x:line 3",
    ],
    "rust": ["E: m", "   0: total\n             at /app/cart.x:12:5", "   1: main\n             at /app/main.x:3"],
    "dart": ["E: m", "#0      total (/app/cart.x:12:5)", "#1      main (/app/main.x:3)"],
    "elixir": ["E: m", "    /app/cart.x:12: shop.Cart.total", "    /app/main.x:3: shop.main.main"],
    "native": ["E: m", "0   ???  total (/app/cart.x:12:5)", "1   ???  main (/app/main.x:3)"],
    "other": ["E: m", "    at shop.Cart.total (/app/cart.x:12:5)", "    at shop.main.main (/app/main.x:3)"],
}


@pytest.mark.parametrize("platform", WRITTEN)
def test_a_trace_is_written_as_its_language_does(platform: str) -> None:
    assert write_stack(platform, "E: m", Stack.of({"frames": FRAMES})) == WRITTEN[platform]


@pytest.mark.parametrize("platform", [*LINES, "python", "go", "cobol"])
@pytest.mark.parametrize(
    "frame", [{}, {"function": "?"}, {"lineno": "x", "function": [1], "filename": None}, {"package": {}}]
)
def test_frames_of_which_little_is_known_are_written_too(platform: str, frame: dict[str, Any]) -> None:
    assert all(isinstance(line, str) for line in write_stack(platform, "", Stack.of([frame])))


def test_what_is_kept_of_a_frame_has_clear_names() -> None:
    assert Stack.of(FRAMES).kept()[-2] == {
        "function": "total",
        "module": "shop.Cart",
        "file": "/app/cart.x",
        "line": 12,
        "column": 5,
        "in_app": True,
        "source": "a\nb\n  c()\nd",
        "source_from": 10,
        "locals": {"n": 1},
    }


def test_of_a_deep_recursion_the_first_and_the_last_are_kept() -> None:
    stack = Stack.of({"frames": [{"function": f"f{number}"} for number in range(5_000)]})
    assert [frame.function for frame in (stack.frames[0], stack.frames[-1])] == ["f0", "f4999"]
    assert len(stack.frames) == FRAMES_MAX
    assert write_stack("node", "E", stack)[FRAMES_MAX // 2 + 1].strip() == LEFT_OUT


@pytest.mark.parametrize("sent", [None, 7, "x", [], {}, {"frames": None}, {"frames": {"function": "f"}}, [None, 7]])
def test_what_are_no_frames_are_none(sent: Any) -> None:
    assert Stack.of(sent).frames == []
