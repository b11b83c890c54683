"""Names of frames outlive a deploy, and another version of the language."""

import pytest

from common.fingerprint.names import (
    name_by_class,
    name_in_dotnet,
    name_in_ruby,
    name_in_rust,
    name_in_script,
)


@pytest.mark.parametrize(
    ("path", "function", "name"),
    [
        ("/assets/index-DhT8x_Qa.js", "showCart", "assets/index.js:showCart"),
        ("/assets/index-BkR-2mZp.js", "Xe", "assets/index.js:"),
        ("/js/main.8f3ab41c1.js", "t.n", "js/main.js:"),
        ("/app/user-UserList.js", "load", "app/user-UserList.js:load"),
        ("/app/src/users.js", "async load", "src/users.js:load"),
        ("/app/src/users.js", "Object.<anonymous>", "src/users.js:"),
    ],
)
def test_scripts(path: str, function: str, name: str) -> None:
    assert name_in_script(path, function)[0] == name


def test_what_frameworks_generate_is_left_out() -> None:
    for name in ("com.acme.Foo$HibernateProxy$AbCdEfGh.run", "com.acme.Foo$$SpringCGLIB$$0.run", "com.acme.Foo.run"):
        assert name_by_class(name)[0] == "com.acme.Foo.run"
    assert name_by_class("com.acme.Foo$load$2.invokeSuspend")[0] == "com.acme.Foo$load"
    assert name_in_dotnet("Shop.Orders.<CloseAsync>d__7.MoveNext")[0] == "Shop.Orders.CloseAsync"
    assert name_in_dotnet("Shop.Orders.<>c__DisplayClass3_0.<Run>b__0")[0] == "Shop.Orders.Run"


def test_other_versions_of_a_language_give_the_same_name() -> None:
    assert name_in_ruby("/app/order.rb", "block in Order#sum") == name_in_ruby("/app/order.rb", "block in sum")
    assert name_in_rust("src/a.rs", "shop::f::h0123456789abcdef") == name_in_rust("src/a.rs", "shop::f")
