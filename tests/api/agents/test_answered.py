"""A call is known again by its bytes, and only a usual one."""

from api.agents.answered import read_call, write_answer


def test_a_usual_call_is_read_and_nothing_else() -> None:
    call = read_call(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x","arguments":{}}}')
    assert call is not None
    assert (call.id, bytes(call.params)) == (7, b'{"name":"x","arguments":{}}')
    for body in (
        b"",
        b"[]",
        b"{",
        b'{"jsonrpc":"2.0","method":"tools/call","params":{}}',
        b'{"jsonrpc":"1.0","id":7,"method":"tools/call","params":{}}',
        b'{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}}',
        b'{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{}}',
        b'{"jsonrpc":"2.0","id":1.5,"method":"tools/call","params":{}}',
        b'{"jsonrpc":"2.0","id":"' + b"x" * 101 + b'","method":"tools/call","params":{}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + b"x" * 3_000 + b'"}}',
        b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":' + b"[" * 9_000,
    ):
        assert read_call(body) is None, body


def test_an_answer_has_the_id_that_was_sent() -> None:
    assert write_answer('a"b', b'{"x":1}') == b'{"jsonrpc":"2.0","id":"a\\"b","result":{"x":1}}'
    assert write_answer(7, b"{}") == b'{"jsonrpc":"2.0","id":7,"result":{}}'
