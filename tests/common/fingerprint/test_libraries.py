"""Frames of libraries are known by where they are, the program's own are not taken for them."""

import pytest

from common.fingerprint.libraries import (
    is_library,
    is_library_class,
    is_library_of_go,
    is_library_of_rust,
    is_system_image,
)


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("/srv/venv/lib/python3.12/site-packages/web/core.py", True),
        ("asyncpg/protocol/protocol.pyx", True),
        ("pandas/_libs/hashtable_class_helper.pxi", True),
        ("/var/task/botocore/client.py", True),
        ("ext:deno_fetch/26_fetch.js", True),
        ("node:internal/process/task_queues", True),
        ("package:flutter/src/widgets/framework.dart", True),
        ("/var/task/orders/handler.py", False),
        ("/srv/app/requests/views.py", False),
        ("package:shop/cart.dart", False),
        ("src/panicking.rs", False),
    ],
)
def test_files(path: str, is_one: bool) -> None:
    assert is_library(path) is is_one


def test_classes() -> None:
    for name in ("org.postgresql.jdbc.PgStatement.execute", "System.Linq.Enumerable.First", "kotlinx.coroutines.X.run"):
        assert is_library_class(name), name
    for name in ("com.acme.Orders.place", "org.acme.Orders.place", "Shop.Cart.Total", "SystemsOfMine.Cart.total"):
        assert not is_library_class(name), name


def test_where_folders_say_nothing_packages_do() -> None:
    assert is_library_of_go("net/http/server.go", "net/http.(*conn).serve")
    assert is_library_of_go("github.com/lib/pq@v1.10.9/conn.go", "github.com/lib/pq.(*conn).Exec")
    assert not is_library_of_go("example.com/shop/log/log.go", "example.com/shop/log.Write")
    assert is_library_of_rust("/rustc/9fc6b4/library/std/src/panicking.rs", "rust_begin_unwind")
    assert is_library_of_rust("", "core::option::Option<T>::unwrap")
    assert not is_library_of_rust("./src/cart.rs", "shop::cart::total")
    assert is_system_image("UIKitCore")
    assert not is_system_image("Shop")
