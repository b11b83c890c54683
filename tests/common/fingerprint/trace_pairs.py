"""Pairs of errors with traces, in twelve languages, which are the same failure or two. Each is a trace of its language, and
what is replaced in it, and in its message, in the other of the pair.

Half of them, by a hash of their names, are set aside: rules are made with the others alone.
"""

# ruff: noqa: E501 - traces have long lines
from hashlib import blake2b
from typing import NamedTuple


class Base(NamedTuple):
    error_type: str | None
    message: str
    trace: str


class Pair(NamedTuple):
    name: str
    first: Base
    second: Base
    is_one: bool

    @property
    def is_set_aside(self) -> bool:
        return blake2b(self.name.encode()).digest()[0] % 2 == 1


Change = dict[str, str]

PYTHON = Base(
    "ValueError",
    "order 17 has no total",
    """Traceback (most recent call last):
  File "/srv/app/releases/20260301/shop/web/handlers.py", line 44, in handle
    return self.view(request)
  File "/srv/venv/lib/python3.11/site-packages/flask/app.py", line 880, in dispatch_request
    return view(**args)
  File "/srv/app/releases/20260301/shop/orders/views.py", line 91, in checkout
    order.close(cart)
  File "/srv/app/releases/20260301/shop/orders/models.py", line 212, in close
    raise ValueError(f"order {self.id} has no total")
ValueError: order 17 has no total
""",
)
JAVASCRIPT = Base(
    "Error",
    "card was declined",
    """Error: card was declined
    at charge (/srv/shop/dist/payments/charge.js:31:11)
    at async settle (/srv/shop/dist/payments/settle.js:18:5)
    at async /srv/shop/dist/routes/checkout.js:77:20
    at Layer.handle [as handle_request] (/srv/shop/node_modules/express/lib/router/layer.js:95:5)
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)""",
)
BROWSER = Base(
    "TypeError",
    "Cannot read properties of undefined (reading 'total')",
    """TypeError: Cannot read properties of undefined (reading 'total')
    at showCart (https://shop.example.com/assets/index-DhT8x_Qa.js:14:2231)
    at Xe (https://shop.example.com/assets/index-DhT8x_Qa.js:2:9911)
    at HTMLButtonElement.t (https://shop.example.com/assets/vendor-C9a1_xZ2.js:1:8122)""",
)
NATIVE = Base(
    "TypeError",
    "undefined is not an object (evaluating 'cart.items.length')",
    """TypeError: undefined is not an object (evaluating 'cart.items.length')
    at renderCart (address at index.android.bundle:1:452311)
    at updateScreen (address at index.android.bundle:1:332110)
    at apply (native)""",
)
JAVA = Base(
    "com.acme.shop.OrderFailed",
    "order 4711 could not be closed",
    """com.acme.shop.OrderFailed: order 4711 could not be closed
\tat com.acme.shop.Orders.close(Orders.java:88)
\tat com.acme.shop.web.Checkout.post(Checkout.java:41)
\tat jdk.internal.reflect.GeneratedMethodAccessor82.invoke(Unknown Source)
\tat java.base/java.lang.reflect.Method.invoke(Method.java:566)
\tat org.springframework.web.method.support.InvocableHandlerMethod.doInvoke(InvocableHandlerMethod.java:205)
Caused by: java.sql.SQLTimeoutException: statement cancelled after 3000 ms
\tat org.postgresql.jdbc.PgStatement.execute(PgStatement.java:448)
\tat com.acme.shop.db.OrderStore.save(OrderStore.java:120)
\t... 42 more""",
)
KOTLIN = Base(
    "java.lang.IllegalStateException",
    "cart is locked by another session",
    """java.lang.IllegalStateException: cart is locked by another session
\tat com.acme.cart.CartService$lock$2.invokeSuspend(CartService.kt:57)
\tat _COROUTINE._BOUNDARY._(CoroutineDebugging.kt:46)
\tat com.acme.cart.CartController$add$1.invokeSuspend(CartController.kt:33)
\tat kotlin.coroutines.jvm.internal.BaseContinuationImpl.resumeWith(ContinuationImpl.kt:33)
\tat kotlinx.coroutines.DispatchedTask.run(DispatchedTask.kt:108)""",
)
GO = Base(
    "panic",
    "runtime error: index out of range [5] with length 3",
    """panic: runtime error: index out of range [5] with length 3

goroutine 34 [running]:
runtime.goPanicIndex(0x5, 0x3)
\t/usr/local/go/src/runtime/panic.go:114 +0x74
example.com/shop/cart.(*Cart).Item(...)
\t/build/src/cart/cart.go:52
example.com/shop/web.(*Server).checkout(0xc000112000, {0x7f11, 0xc0000a})
\t/build/src/web/server.go:141 +0x1ab
net/http.HandlerFunc.ServeHTTP(0xc0000b, {0x1, 0x2}, 0x3)
\t/usr/local/go/src/net/http/server.go:2136 +0x29
created by net/http.(*Server).Serve in goroutine 1
\t/usr/local/go/src/net/http/server.go:3086 +0x5cb""",
)
RUBY = Base(
    "Shop::CardDeclined",
    "card was declined by the bank",
    """/srv/shop/app/models/payment.rb:41:in 'Payment#charge': card was declined by the bank (Shop::CardDeclined)
\tfrom /srv/shop/app/models/order.rb:19:in 'block in Order#settle'
\tfrom /usr/local/bundle/gems/activerecord-7.1.2/lib/active_record/relation.rb:88:in 'each'
\tfrom /srv/shop/app/controllers/orders_controller.rb:12:in 'OrdersController#create'""",
)
DOTNET = Base(
    "Shop.OrderException",
    "order 12 is closed",
    """Shop.OrderException: order 12 is closed
 ---> System.InvalidOperationException: Sequence contains no elements
   at System.Linq.ThrowHelper.ThrowNoElementsException()
   at System.Linq.Enumerable.First[TSource](IEnumerable`1 source)
   at Shop.Data.OrderStore.<FindAsync>d__12.MoveNext() in /src/Shop/Data/OrderStore.cs:line 88
   --- End of inner exception stack trace ---
   at Shop.Orders.<CloseAsync>d__7.MoveNext() in /src/Shop/Orders.cs:line 52
--- End of stack trace from previous location ---
   at Shop.Web.CheckoutController.<Post>d__3.MoveNext() in /src/Shop/Web/CheckoutController.cs:line 31
   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute(Object controller, Object[] arguments)""",
)
PHP = Base(
    "App\\Order\\OrderException",
    "Order 99 has no lines",
    """PHP Fatal error:  Uncaught App\\Order\\OrderException: Order 99 has no lines in /var/www/shop/src/Order/Order.php:71
Stack trace:
#0 /var/www/shop/src/Order/Checkout.php(33): App\\Order\\Order->close(Object(App\\Cart), 12)
#1 /var/www/shop/vendor/slim/slim/Slim/App.php(198): App\\Order\\Checkout->__invoke()
#2 [internal function]: Slim\\App->handle()
#3 {main}
  thrown in /var/www/shop/src/Order/Order.php on line 71""",
)
ELIXIR = Base(
    "RuntimeError",
    "cart is empty",
    """** (RuntimeError) cart is empty
    (elixir 1.15.4) lib/enum.ex:1693: anonymous fn/3 in Enum.map/2
    (shop 0.3.1) lib/shop/cart.ex:42: Shop.Cart.total!/1
    (shop 0.3.1) lib/shop_web/checkout_controller.ex:19: ShopWeb.CheckoutController.create/2
    (phoenix 1.7.10) lib/phoenix/router.ex:430: Phoenix.Router.__call__/5""",
)
RUST = Base(
    "panic",
    "called `Option::unwrap()` on a `None` value",
    """thread 'tokio-runtime-worker' panicked at src/cart.rs:57:31:
called `Option::unwrap()` on a `None` value
stack backtrace:
   0: rust_begin_unwind
             at /rustc/82e1608dfa6e0b5569232559e3d385fea5a93112/library/std/src/panicking.rs:645:5
   1: core::panicking::panic_fmt
             at /rustc/82e1608dfa6e0b5569232559e3d385fea5a93112/library/core/src/panicking.rs:72:14
   2: core::option::Option<T>::unwrap
             at /rustc/82e1608dfa6e0b5569232559e3d385fea5a93112/library/core/src/option.rs:931:21
   3: shop::cart::total
             at ./src/cart.rs:57:31
   4: shop::web::checkout::{{closure}}
             at ./src/web.rs:120:9
   5: tokio::runtime::task::raw::poll
             at /root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.0/src/runtime/task/raw.rs:201:5""",
)
DART = Base(
    "StateError",
    "Bad state: No element",
    """Unhandled exception:
Bad state: No element
#0      List.first (dart:core-patch/growable_array.dart:332:5)
#1      Cart.cheapest (package:shop/cart.dart:41:24)
#2      _CheckoutState.build.<anonymous closure> (package:shop/screens/checkout.dart:88:17)
#3      StatefulElement.build (package:flutter/src/widgets/framework.dart:5583:27)
<asynchronous suspension>""",
)
SWIFT = Base(
    "NSInvalidArgumentException",
    "-[NSNull length]: unrecognized selector sent to instance 0x1ff",
    """*** Terminating app due to uncaught exception 'NSInvalidArgumentException', reason: '-[NSNull length]: unrecognized selector sent to instance 0x1ff'
0   CoreFoundation                      0x00000001a4f2c9c8 __exceptionPreprocess + 220
1   libobjc.A.dylib                     0x00000001b9249b54 objc_exception_throw + 60
2   Shop                                0x0000000104f3a1c4 $s4Shop4CartC5totalSdyF + 312
3   Shop                                0x0000000104f3b004 -[CheckoutViewController pay:] + 96
4   UIKitCore                           0x00000001a7a3e1c4 -[UIApplication sendAction:to:from:forEvent:] + 96""",
)

BASES: dict[str, Base] = {
    "python": PYTHON, "javascript": JAVASCRIPT, "browser": BROWSER, "react native": NATIVE, "java": JAVA, "kotlin": KOTLIN,
    "go": GO, "ruby": RUBY, "dotnet": DOTNET, "php": PHP, "elixir": ELIXIR, "rust": RUST, "dart": DART, "swift": SWIFT,
}  # fmt: skip

ONE: dict[str, dict[str, Change]] = {
    "python": {
        "deploy": {"20260301": "20260415", "line 212": "line 230", "line 91": "line 99"},
        "value": {"order 17": "order 99812"},
        "other caller": {
            "line 91, in checkout": "line 14, in close_all",
            "order.close(cart)": "[o.close(c) for o in due]",
        },
        "other python": {"python3.11": "python3.13", "/srv/venv": "/opt/venv"},
        "other library version": {"line 880": "line 902", "dispatch_request": "full_dispatch"},
        "markers": {'has no total")\n': 'has no total")\n    ^^^^^^^^^^^^^^^^^^^^^^^^\n'},
        "container": {"/srv/app/releases/20260301/": "/app/"},
        "library frames gone": {
            '  File "/srv/venv/lib/python3.11/site-packages/flask/app.py", line 880, in dispatch_request\n    return view(**args)\n': ""
        },
        "log's own words": {},
    },
    "javascript": {
        "lines": {":31:11": ":35:9", ":18:5": ":20:7"},
        "deploy folder": {"/srv/shop/dist": "/var/www/releases/8812/dist"},
        "node version": {"task_queues:95:5": "task_queues:105:3"},
        "async marks": {"at async settle": "at settle"},
        "library version": {"layer.js:95:5": "layer.js:101:7"},
        "tail cut": {"\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)": ""},
    },
    "browser": {
        "hash of the build": {"index-DhT8x_Qa.js": "index-BkR-2mZp.js", "vendor-C9a1_xZ2": "vendor-Zz91aB3_"},
        "minified names": {
            "at Xe (": "at qn (",
            "HTMLButtonElement.t ": "HTMLButtonElement.r ",
            "DhT8x_Qa": "AbT8xQQ1",
        },
        "columns": {":14:2231": ":15:101", ":2:9911": ":2:9870"},
        "host": {"shop.example.com": "www.example.com"},
        "query": {".js:14": ".js?v=12:14"},
    },
    "react native": {
        "columns": {":452311": ":452999", ":332110": ":332870"},
        "without address": {"address at ": ""},
    },
    "java": {
        "lines": {"Orders.java:88": "Orders.java:92", "PgStatement.java:448": "PgStatement.java:401"},
        "value": {"order 4711": "order 12", "3000 ms": "5000 ms"},
        "accessor": {"GeneratedMethodAccessor82": "GeneratedMethodAccessor7"},
        "proxy": {
            "com.acme.shop.web.Checkout.post(Checkout.java:41)": "com.acme.shop.web.Checkout$$EnhancerBySpringCGLIB$$1a2b3c.post(<generated>)\n\tat com.acme.shop.web.Checkout.post(Checkout.java:41)"
        },
        "hibernate proxy": {
            "com.acme.shop.Orders.close(Orders.java:88)": "com.acme.shop.Orders$HibernateProxy$AbCdEfGh.close(Unknown Source)"
        },
        "more": {"... 42 more": "... 17 more"},
        "module": {"java.base/java.lang": "java.lang"},
        "thread": {
            "com.acme.shop.OrderFailed: order": 'Exception in thread "http-nio-8080-exec-3" com.acme.shop.OrderFailed: order'
        },
        "suppressed": {
            "Caused by: java.sql": "\tSuppressed: java.io.IOException: stream closed\n\t\tat com.acme.shop.Orders.release(Orders.java:95)\nCaused by: java.sql"
        },
        "jar": {"(Orders.java:88)": "(Orders.java:88) ~[shop-1.4.2.jar:1.4.2]"},
    },
    "kotlin": {
        "lines": {"CartService.kt:57": "CartService.kt:61"},
        "number of the lambda": {"$lock$2": "$lock$3", "$add$1": "$add$4"},
        "no boundary": {"\tat _COROUTINE._BOUNDARY._(CoroutineDebugging.kt:46)\n": ""},
        "dispatcher": {
            "kotlinx.coroutines.DispatchedTask.run(DispatchedTask.kt:108)": "kotlinx.coroutines.EventLoopImplBase.processNextEvent(EventLoop.common.kt:280)"
        },
    },
    "go": {
        "values": {"[5] with length 3": "[12] with length 4", "0x5, 0x3": "0xc, 0x4"},
        "goroutine": {"goroutine 34": "goroutine 1201", "0xc000112000": "0xc000aaa000"},
        "build folder": {"/build/src/": "/home/ci/work/shop/"},
        "another goroutine": {
            "+0x5cb": "+0x5cb\n\ngoroutine 7 [select]:\nexample.com/shop/jobs.run()\n\t/build/src/jobs/run.go:12 +0x44"
        },
        "trimpath": {"/build/src/": "example.com/shop/", "/usr/local/go/src/": ""},
        "go version": {"/usr/local/go/src": "/opt/hostedtoolcache/go/1.22.1/x64/src", "panic.go:114": "panic.go:115"},
        "lines": {"cart.go:52": "cart.go:59", "server.go:141": "server.go:150"},
    },
    "ruby": {
        "before 3.4": {
            "'Payment#charge'": "`charge'",
            "'block in Order#settle'": "`block in settle'",
            "'each'": "`each'",
            "'OrdersController#create'": "`create'",
        },
        "lines": {"payment.rb:41": "payment.rb:44"},
        "gem version": {"activerecord-7.1.2": "activerecord-7.2.0", "relation.rb:88": "relation.rb:90"},
        "release": {"/srv/shop/app": "/srv/shop/releases/20260101/app"},
    },
    "dotnet": {
        "value": {"order 12 is": "order 3111 is"},
        "number of the state machine": {"d__12": "d__14", "d__7": "d__8"},
        "lines": {":line 88": ":line 91", ":line 52": ":line 60"},
        "build folder": {"/src/Shop": "C:\\agent\\_work\\1\\s\\Shop"},
        "unhandled": {"Shop.OrderException: order": "Unhandled exception. Shop.OrderException: order"},
        "no symbols": {
            " in /src/Shop/Orders.cs:line 52": "",
            " in /src/Shop/Data/OrderStore.cs:line 88": "",
            " in /src/Shop/Web/CheckoutController.cs:line 31": "",
        },
    },
    "php": {
        "value": {"Order 99 has": "Order 3 has"},
        "lines": {"Checkout.php(33)": "Checkout.php(36)", "Order.php:71": "Order.php:75", "on line 71": "on line 75"},
        "arguments": {"Object(App\\Cart), 12": "Object(App\\Cart), 44"},
        "folder": {"/var/www/shop": "/app"},
    },
    "elixir": {
        "lines": {"cart.ex:42": "cart.ex:44"},
        "versions": {"shop 0.3.1": "shop 0.3.2", "phoenix 1.7.10": "phoenix 1.7.12", "elixir 1.15.4": "elixir 1.16.0"},
        "library frame gone": {"    (elixir 1.15.4) lib/enum.ex:1693: anonymous fn/3 in Enum.map/2\n": ""},
    },
    "rust": {
        "lines": {"cart.rs:57:31": "cart.rs:61:20"},
        "toolchain": {
            "82e1608dfa6e0b5569232559e3d385fea5a93112": "9fc6b43126469e3858e2fe86cafb4f0fd5068869",
            "panicking.rs:645:5": "panicking.rs:652:5",
        },
        "thread": {"'tokio-runtime-worker'": "'main'"},
        "hashes": {"shop::cart::total": "shop::cart::total::h0123456789abcdef"},
        "library version": {"tokio-1.35.0": "tokio-1.36.0"},
    },
    "dart": {
        "lines": {"cart.dart:41:24": "cart.dart:44:10"},
        "sdk": {"growable_array.dart:332:5": "growable_array.dart:340:5"},
        "library lines": {"framework.dart:5583:27": "framework.dart:5590:27"},
    },
    "swift": {
        "addresses": {"0x0000000104f3a1c4": "0x0000000100a3a1c4", "0x1ff": "0x2aa", "+ 312": "+ 320"},
        "system version": {
            "0x00000001a4f2c9c8 __exceptionPreprocess + 220": "0x00000001c4f2c9c8 __exceptionPreprocess + 240"
        },
    },
}

DIFFERENT: dict[str, dict[str, Change]] = {
    "python": {
        "another raise": {"has no total": "was paid already"},
        "another word": {"has no total": "has no lines"},
        "another function": {"in close": "in reopen"},
        "another type": {"ValueError": "TypeError"},
        "another file": {"orders/models.py": "returns/models.py"},
        "another statement": {'raise ValueError(f"order {self.id} has no total")': "return int(self.total)"},
        "a cause": {
            "Traceback (most": 'Traceback (most recent call last):\n  File "/srv/app/shop/db.py", line 3, in get\n    return rows[0]\nIndexError: list index out of range\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most'
        },
    },
    "javascript": {
        "another message": {"card was declined": "gateway did not answer"},
        "another function": {"at charge (": "at refund ("},
        "another file": {"payments/charge.js": "payments/capture.js"},
        "another type": {"Error": "RangeError"},
    },
    "browser": {
        "another property's code": {"showCart": "showMenu"},
        "another type": {"TypeError": "RangeError"},
        "another message": {"Cannot read properties of undefined (reading 'total')": "Invalid price given to cart"},
        "another bundle": {"index-DhT8x_Qa": "admin-DhT8x_Qa"},
    },
    "react native": {
        "another function": {"renderCart": "renderMenu"},
        "another message": {"undefined is not an object (evaluating 'cart.items.length')": "Network request failed"},
    },
    "java": {
        "another cause": {
            "java.sql.SQLTimeoutException: statement cancelled after 3000 ms": "java.io.IOException: disk is full"
        },
        "another place of the cause": {
            "com.acme.shop.db.OrderStore.save(OrderStore.java:120)": "com.acme.shop.db.StockStore.take(StockStore.java:61)"
        },
        "another message": {"could not be closed": "was shipped before"},
        "another method": {"Orders.close": "Orders.cancel"},
        "another type": {"OrderFailed": "OrderLocked"},
        "another overload of a library": {"com.acme.shop.Orders.close": "com.acme.shop.Returns.close"},
    },
    "kotlin": {
        "another function": {"$lock$2": "$unlock$2"},
        "another message": {"cart is locked by another session": "voucher has run out"},
        "another class": {"CartService$lock": "StockService$lock"},
    },
    "go": {
        "another error": {"index out of range [5] with length 3": "invalid memory address or nil pointer dereference"},
        "another method": {"(*Cart).Item": "(*Cart).Total"},
        "another package": {"example.com/shop/cart.": "example.com/shop/stock.", "cart/cart.go": "stock/cart.go"},
    },
    "ruby": {
        "another message": {"card was declined by the bank": "terminal is offline"},
        "another method": {"Payment#charge": "Payment#refund"},
        "another type": {"Shop::CardDeclined": "Shop::Offline"},
    },
    "dotnet": {
        "another inner error": {
            "System.InvalidOperationException: Sequence contains no elements": "System.TimeoutException: The operation has timed out"
        },
        "another place of the inner error": {"Shop.Data.OrderStore.<FindAsync>": "Shop.Data.StockStore.<TakeAsync>"},
        "another method": {"Shop.Orders.<CloseAsync>": "Shop.Orders.<CancelAsync>"},
        "another message": {"order 12 is closed": "payment is still pending"},
    },
    "php": {
        "another message": {"has no lines": "was paid before"},
        "another method": {"App\\Order\\Order->close": "App\\Order\\Order->cancel"},
        "another type": {"OrderException": "StockException"},
    },
    "elixir": {
        "another message": {"cart is empty": "voucher is unknown"},
        "another function": {"Shop.Cart.total!/1": "Shop.Cart.merge/2"},
        "another type": {"RuntimeError": "ArgumentError"},
    },
    "rust": {
        "another function": {"shop::cart::total": "shop::stock::take", "src/cart.rs": "src/stock.rs"},
        "another message": {"called `Option::unwrap()` on a `None` value": "attempt to divide by zero"},
    },
    "dart": {
        "another method": {"Cart.cheapest": "Cart.newest"},
        "another message": {"Bad state: No element": "Bad state: Stream was listened to before"},
        "another file": {"package:shop/cart.dart": "package:shop/menu.dart"},
    },
    "swift": {
        "another method": {"$s4Shop4CartC5totalSdyF": "$s4Shop4MenuC4loadyyF"},
        "another message": {
            "-[NSNull length]: unrecognized selector sent to instance 0x1ff": "attempt to insert nil object from objects"
        },
    },
}


def change(base: Base, changes: Change) -> Base:
    error_type, message, trace = base
    for old, new in changes.items():
        assert old in message or old in trace or old == error_type, (old, "stands nowhere")
        message, trace = message.replace(old, new), trace.replace(old, new)
        error_type = error_type.replace(old, new) if error_type else None
    return Base(error_type, message, trace)


PAIRS = [
    Pair(f"{language}, {name}", BASES[language], change(BASES[language], changes), is_one)
    for table, is_one in ((ONE, True), (DIFFERENT, False))
    for language, named in table.items()
    for name, changes in named.items()
]
