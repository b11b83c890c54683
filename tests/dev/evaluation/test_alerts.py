"""The evaluation of noise: the same day each time, and the rules that it compares find what they are said to."""

from dev.evaluation.alerts import find_recall, make_day, match_recall, tell_more_than, tell_new_groups, tell_ours


def test_the_default_rules_find_what_was_injected_with_a_fraction_of_the_messages() -> None:
    day = make_day(3, 40, "modelled")
    assert [one.today for one in day.lived] == [one.today for one in make_day(3, 40, "modelled").lived]
    ours = tell_ours(day)
    recall = find_recall(day, ours)
    usual = match_recall(day, recall)
    assert recall >= 0.8
    assert find_recall(day, usual) >= recall
    assert 3 * len(ours) <= len(usual)
    assert len(tell_new_groups(day)) == 5
    assert len(tell_more_than(day, 0)) > len(tell_more_than(day, 100))
