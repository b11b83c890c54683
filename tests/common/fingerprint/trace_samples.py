"""Stack traces of five languages, `{n}` at the places that a deploy or a run changes."""

PYTHON = """Traceback (most recent call last):
  File "/srv/app/releases/{n}/shop/cart.py", line {n}, in load
    return rows["{n}"]
           ~~~~^^^^^^
KeyError: '{n}'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/venv/lib/python3.12/site-packages/web/core.py", line 1{n}, in call
    return handler()
  File "/srv/app/releases/{n}/shop/views.py", line 2{n}, in show
    raise CartError("no cart {n}")
shop.errors.CartError: no cart {n}
"""

JAVA = """com.acme.OrderFailed: order {n}
\tat com.acme.Orders.place(Orders.java:{n})
\tat org.springframework.web.Servlet.run(Servlet.java:1{n})
\tat java.base/java.lang.Thread.run(Thread.java:8{n})
Caused by: java.sql.SQLException: gone
\tat com.acme.Store.write(Store.java:{n})
\t... {n} more"""

JAVASCRIPT = """TypeError: Cannot read properties of undefined (reading 'id{n}')
    at loadUser (/app/src/users.js:{n}:15)
    at /app/node_modules/express/router.js:5:{n}
    at https://cdn.example.com/js/main.8f3ab{n}c1.js?v={n}:1:{n}
    at process.processTicksAndRejections (node:internal/process/task_queues:95:{n})"""

GO = """panic: runtime error: index out of range [{n}]

goroutine {n} [running]:
runtime.goPanicIndex(0x{n})
\t/usr/local/go/src/runtime/panic.go:{n} +0x{n}
main.(*Server).handle(0xc0000{n}, {{0x1, 0x2}})
\t/build/{n}/app/main.go:{n} +0x1d

goroutine 7{n} [select]:
main.idle()
\t/build/app/idle.go:{n}"""

RUBY = """/app/lib/cart.rb:{n}:in `total': divided by {n} (ZeroDivisionError)
\tfrom /app/lib/order.rb:{n}:in `sum'
\tfrom /usr/lib/ruby/gems/3.2/gems/rack-3.{n}/lib/rack.rb:3:in `call'"""
