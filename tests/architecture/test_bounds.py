"""Whatever holds more and more is bounded, and whatever speaks speaks through the log."""

from __future__ import annotations

import ast

from tests.architecture.tree import PACKAGES, assert_none, modules

SIZES = {
    "deque": ("maxlen", 1),
    "LifoQueue": ("maxsize", 0),
    "PriorityQueue": ("maxsize", 0),
    "Queue": ("maxsize", 0),
}
UNBOUNDABLE = {"SimpleQueue"}
UNBOUNDED_ALLOWED = {
    "streams/lane.py": "offer() waits, or remembers what it missed, while the queue is full",
}


def is_bounded(name: str, node: ast.Call) -> bool:
    keyword, place = SIZES[name]
    given = [one.value for one in node.keywords if one.arg == keyword] + node.args[place:]
    return any(not isinstance(one, ast.Constant) or one.value for one in given)


def test_every_queue_is_bounded() -> None:
    found = [
        module.at(node)
        for module in modules(*PACKAGES)
        for name, node in module.calls()
        if (name in SIZES and not is_bounded(name, node)) or name in UNBOUNDABLE
        if module.path not in UNBOUNDED_ALLOWED
    ]
    assert_none(found)


def test_the_rule_about_queues_can_tell() -> None:
    source = "Queue(); Queue(5); Queue(maxsize=0); deque(); deque([1]); deque([], 3); Queue(n)"
    calls = [one.value for one in ast.parse(source).body if isinstance(one, ast.Expr)]
    verdicts = [
        is_bounded(call.func.id, call)
        for call in calls
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
    ]
    assert verdicts == [False, True, False, False, False, True, True]


def test_every_cache_with_arguments_is_bounded() -> None:
    """`cache` is for functions of our own files, which are few; whoever needs it says so."""
    found = [
        module.at(node)
        for module in modules(*PACKAGES)
        for name, node in module.calls()
        if name == "lru_cache"
        for size in [one.value for one in node.keywords if one.arg == "maxsize"]
        if isinstance(size, ast.Constant) and size.value is None
    ]
    assert_none(found)


def test_nothing_prints() -> None:
    found = [
        module.at(node)
        for module in modules(*PACKAGES)
        for name, node in module.calls()
        if isinstance(node.func, ast.Name) and name in {"print", "pprint"}
    ]
    assert_none(found)


def test_nothing_evaluates_text_but_the_codec() -> None:
    allowed = {"schemas/wireread.py", "schemas/wirewrite.py"}
    found = [
        module.at(node)
        for module in modules(*PACKAGES)
        for name, node in module.calls()
        if isinstance(node.func, ast.Name) and name in {"eval", "exec", "compile"}
        if module.path not in allowed
    ]
    assert_none(found)
