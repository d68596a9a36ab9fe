# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cases of tests/bus that are not run over channels, and why: what they are about is the bus, not regentd."""

_STREAM = "a channel that is not read is not read from either: its client is held up, and nothing is refused"
_TAKEN = "what a socket takes is not counted, and the writes of one batch on a channel are no more than that"
_BROADCAST = "broadcasts come over the bus, in no order with replies on a channel"
_ADD_MATCH = "AddMatch is the bus's"
_RECEIPTS = "what a channel has taken is known without receipts"
_PLACES = "calls on a channel take none of the places that the bus has for replies"
_ADDRESS = "the statistics name a channel by its address"
_LEAVES = "its channel has ended with regentd, and nobody can register again on that"

# file without test_ and .py: {function: reason}
REASONS = {
    "bad_input": {
        "test_messages_that_are_not_dbus_end_at_the_bus": "the bus drops who sends them",
        "test_reads_that_want_no_reply": "it takes a channel by itself",
    },
    "floods": {
        "test_one_connection_with_too_many_writes_under_way": _STREAM,
        "test_a_reader_that_stops_reading_and_signals": _ADD_MATCH,
    },
    "flow": {
        "test_the_receipt": _RECEIPTS,
        "test_a_bus_that_does_not_tell": _RECEIPTS,
        "test_a_write_is_refused_before_it_happens_or_answered": _RECEIPTS,
        "test_a_connection_that_leaves_is_forgotten": _STREAM,
        "test_bound_of_all": _STREAM,
        "test_places_for_receipts": _RECEIPTS,
        "test_a_subscriber_that_stops_reading": _ADD_MATCH,
        "test_signals_that_the_bus_does_not_take": _ADD_MATCH,
        "test_a_bus_with_less_room_for_receivers": _ADD_MATCH,
    },
    "participants_trouble": {
        "test_regentd_is_killed_in_between": _LEAVES,
        "test_many_that_answer_nothing_are_bounded_and_held_up_are_only_theirs": _PLACES,
        "test_one_that_could_not_be_asked_stays": _PLACES,
    },
    "tools": {"test_busctl_monitor": "the monitor is the bus's"},
    "values": {"test_signal_goes_before_the_reply": _BROADCAST},
    "watch_batch": {
        "test_all_are_told_of_the_whole_batch_before_any_reply": "who is told when is seen by a monitor of the bus",
        "test_what_may_be_unread_is_not_exceeded_within_a_batch": _TAKEN,
    },
    "watch_flow": {"test_state_of_each_watch_is_in_the_statistics": _ADDRESS},
    "watch_rights": {"test_a_proxy_keeps_its_properties": "its proxy is one of the bus connection"},
}


def reason(path, function):
    """Why that case is not run over a channel; None: it is."""
    return REASONS.get(path.stem.removeprefix("test_"), {}).get(function)
