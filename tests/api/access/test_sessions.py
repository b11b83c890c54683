"""What a session's forms carry proves that they are of its pages, and differs each time."""

from uuid import uuid4

import pytest

from api.access.sessions import TOKEN_CHARS, Session, check_csrf, cookie_name, project_of
from api.http.problems import Forbidden


def make_session(token: str = "a" * TOKEN_CHARS) -> Session:
    return Session(uuid4(), token)


def test_a_form_proves_its_session_and_never_carries_the_same_text_twice() -> None:
    session = make_session()
    carried = {session.make_csrf() for _ in range(100)}
    assert len(carried) == 100
    for one in carried:
        check_csrf(session, one)


@pytest.mark.parametrize("sent", ["", "00", "0" * 64, "zz" * 32, "é" * 64, "0" * 10_000])
def test_nothing_else_proves_it(sent: str) -> None:
    with pytest.raises(Forbidden):
        check_csrf(make_session(), sent)


def test_another_sessions_form_does_not_prove_it() -> None:
    with pytest.raises(Forbidden):
        check_csrf(make_session(), make_session("b" * TOKEN_CHARS).make_csrf())


def test_the_cookies_name_says_the_project_and_nothing_else_does() -> None:
    session = make_session()
    assert project_of(cookie_name(session.project_id)) == session.project_id
    assert project_of("mayday_session_x") is None
