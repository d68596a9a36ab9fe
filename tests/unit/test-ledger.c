/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger bounds what is unread, of a connection, of a uid and in all, and knows when to ask.
 */

#include "bus/ledger.h"

#define ALICE 4001u
#define BOB   4002u

typedef struct Rig {
        Limits limits;
        Accounts *accounts;
        Ledger *ledger;
} Rig;

static unsigned int n_gone;

static void on_reader_gone(Reader *reader)
{
        g_assert_nonnull(reader->name);
        n_gone++;
}

static void rig_clear(Rig *rig)
{
        rig->ledger = ledger_free(rig->ledger);
        g_assert_cmpuint(accounts_get(rig->accounts, ALICE, ACCOUNT_UNREAD_BYTES), ==, 0);
        g_assert_cmpuint(accounts_get(rig->accounts, ALICE, ACCOUNT_UNREAD_DESCRIPTORS), ==, 0);
        rig->accounts = accounts_free(rig->accounts);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rig, rig_clear)

static void rig_init(Rig *rig)
{
        limits_init(&rig->limits);
        rig->accounts = accounts_new();
        rig->ledger = ledger_new(&rig->limits, rig->accounts, on_reader_gone);
}

static Reader *new_reader(Rig *rig, const char *name, uint32_t uid)
{
        Reader *reader = ledger_get(rig->ledger, name);

        reader_identify(reader, uid);
        return reader;
}

static LedgerMark nothing(void)
{
        return (LedgerMark){};
}

static void test_what_is_sent_is_unread_until_it_is_confirmed(void)
{
        g_auto(Rig) rig;
        Reader *reader;
        LedgerMark mark;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        reader_charge(reader, 1000, 1);
        mark = reader->sent;
        reader_charge(reader, 500, 1);
        g_assert_cmpuint(reader_unread(reader).n_bytes, ==, 1500);
        g_assert_cmpuint(reader_unread(reader).n_descriptors, ==, 2);

        reader_confirm(reader, mark, nothing());
        g_assert_cmpuint(reader_unread(reader).n_bytes, ==, 500);
        g_assert_cmpuint(reader_unread(reader).n_descriptors, ==, 1);
        g_assert_cmpuint(ledger_unread(rig.ledger).n_bytes, ==, 500);
        g_assert_cmpuint(accounts_get(rig.accounts, ALICE, ACCOUNT_UNREAD_BYTES), ==, 500);

        /* An older answer, or one of a bus that has more queued than was ever sent, takes nothing back. */
        reader_confirm(reader, (LedgerMark){ 10, 0 }, nothing());
        reader_confirm(reader, reader->sent, (LedgerMark){ 1 << 20, 9 });
        g_assert_cmpuint(reader_unread(reader).n_bytes, ==, 500);
}

static void test_what_is_left_stays_unread(void)
{
        g_auto(Rig) rig;
        Reader *reader;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        reader_charge(reader, 1000, 3);
        reader_confirm(reader, reader->sent, (LedgerMark){ 300, 1 });
        g_assert_cmpuint(reader_unread(reader).n_bytes, ==, 300);
        g_assert_cmpuint(reader_unread(reader).n_descriptors, ==, 1);
}

static void test_a_connection_that_leaves_is_forgotten(void)
{
        g_auto(Rig) rig;
        unsigned int before = n_gone;

        rig_init(&rig);
        reader_charge(new_reader(&rig, ":1.1", ALICE), 5000, 2);
        reader_charge(new_reader(&rig, ":1.2", ALICE), 7, 0);
        ledger_forget(rig.ledger, ":1.1");
        ledger_forget(rig.ledger, ":1.9");
        g_assert_cmpuint(n_gone, ==, before + 1);
        g_assert_null(ledger_lookup(rig.ledger, ":1.1"));
        g_assert_cmpuint(ledger_unread(rig.ledger).n_bytes, ==, 7);
        g_assert_cmpuint(ledger_unread(rig.ledger).n_descriptors, ==, 0);
        g_assert_cmpuint(accounts_get(rig.accounts, ALICE, ACCOUNT_UNREAD_BYTES), ==, 7);
}

static void test_descriptors_count_wherever_they_are(void)
{
        g_auto(Rig) rig;
        Ledger *of_channels;
        Reader *reader, *channel;
        LedgerBound bound;

        rig_init(&rig);
        rig.limits.unread_descriptors = 3;
        of_channels = ledger_new_of_channels(rig.ledger);
        reader = new_reader(&rig, ":1.1", ALICE);
        channel = ledger_get(of_channels, ":1.2/1");
        reader_identify(channel, BOB);
        reader_charge(reader, 0, 2);
        reader_charge(channel, 0, 1);
        g_assert_cmpuint(ledger_descriptors(of_channels), ==, 3);
        g_assert_cmpuint(g_hash_table_size(ledger_holders(of_channels)), ==, 2);
        g_assert_false(reader_may_send_descriptors(reader, 1, &bound));
        g_assert_false(reader_may_send_descriptors(channel, 1, &bound));
        g_assert_cmpint(bound, ==, LEDGER_BOUND_ALL);
        g_assert_true(reader_may_hold_up(channel, reader, LEDGER_BOUND_ALL));
        g_assert_false(reader_may_hold_up(channel, reader, LEDGER_BOUND_UID));

        reader_confirm(reader, reader->sent, nothing());
        g_assert_true(reader_may_send_descriptors(channel, 1, NULL));
        ledger_forget(of_channels, ":1.2/1");
        g_assert_cmpuint(ledger_descriptors(rig.ledger), ==, 0);
        g_assert_cmpuint(g_hash_table_size(ledger_holders(rig.ledger)), ==, 0);
        ledger_free(of_channels);
}

static void test_a_uid_is_charged_once_it_is_known(void)
{
        g_auto(Rig) rig;
        Reader *reader;

        rig_init(&rig);
        reader = ledger_get(rig.ledger, ":1.1");
        reader_charge(reader, 100, 0);
        g_assert_cmpuint(accounts_get(rig.accounts, ALICE, ACCOUNT_UNREAD_BYTES), ==, 0);
        reader_identify(reader, ALICE);
        reader_identify(reader, ALICE);
        g_assert_cmpuint(accounts_get(rig.accounts, ALICE, ACCOUNT_UNREAD_BYTES), ==, 100);
}

static void test_room_ends_at_the_bound_of_the_connection(void)
{
        g_auto(Rig) rig;
        LedgerBound bound;
        Reader *reader;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        reader_charge(reader, LIMIT_MIB - 1, 0);
        g_assert_cmpuint(reader_room(reader, &bound), ==, UINT64_MAX);
        reader_charge(reader, 1, 0);
        g_assert_cmpuint(reader_room(reader, &bound), ==, 3 * LIMIT_MIB);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_CONNECTION);
        reader_charge(reader, 9 * LIMIT_MIB, 0);
        g_assert_cmpuint(reader_room(reader, &bound), ==, 0);
        reader_confirm(reader, reader->sent, nothing());
        g_assert_cmpuint(reader_room(reader, &bound), ==, UINT64_MAX);
}

static void test_room_ends_at_the_bound_of_the_uid(void)
{
        g_auto(Rig) rig;
        Reader *mine, *root, *other;
        LedgerBound bound;

        rig_init(&rig);
        reader_charge(new_reader(&rig, ":1.1", ALICE), 7 * LIMIT_MIB, 0);
        mine = new_reader(&rig, ":1.2", ALICE);
        other = new_reader(&rig, ":1.3", BOB);
        root = new_reader(&rig, ":1.4", 0);
        g_assert_cmpuint(reader_room(mine, &bound), ==, LIMIT_MIB);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_UID);
        g_assert_cmpuint(reader_uid_unread(mine), ==, 7 * LIMIT_MIB);
        g_assert_cmpuint(reader_room(other, NULL), >, 40 * LIMIT_MIB);
        reader_charge(root, 20 * LIMIT_MIB, 0);
        g_assert_cmpuint(reader_room(new_reader(&rig, ":1.5", 0), NULL), ==, UINT64_MAX);
        g_assert_cmpuint(reader_uid_unread(root), ==, 0);
}

static void test_room_ends_at_the_bound_of_all(void)
{
        g_auto(Rig) rig;
        Reader *reader;
        LedgerBound bound;

        rig_init(&rig);
        for (uint32_t n = 0; n < 16; n++) {
                g_autofree char *name = g_strdup_printf(":2.%" G_GUINT32_FORMAT, n);

                reader_charge(new_reader(&rig, name, 5000 + n), 4 * LIMIT_MIB, 0);
        }
        reader = ledger_get(rig.ledger, ":1.1");
        g_assert_cmpuint(reader_room(reader, &bound), ==, 0);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_ALL);
        reader_identify(reader, 0);
        g_assert_cmpuint(reader_room(reader, &bound), ==, UINT64_MAX);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_NONE);
}

static void test_calls_are_refused_and_then_not_answered(void)
{
        g_auto(Rig) rig;
        LedgerBound bound;
        Reader *reader;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", 0);
        reader_charge(reader, 4 * LIMIT_MIB + LIMIT_MIB / 2, 0);
        g_assert_cmpint(reader_standing(reader, NULL), ==, READER_SERVED);
        reader_charge(reader, 1, 0);
        g_assert_cmpint(reader_standing(reader, &bound), ==, READER_REFUSED);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_CONNECTION);
        reader_charge(reader, LIMIT_MIB / 2, 0);
        g_assert_cmpint(reader_standing(reader, NULL), ==, READER_UNANSWERED);
        reader_confirm(reader, reader->sent, nothing());
        g_assert_cmpint(reader_standing(reader, &bound), ==, READER_SERVED);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_NONE);
}

static void test_little_is_served_whatever_others_leave(void)
{
        g_auto(Rig) rig;
        LedgerBound bound;
        Reader *reader;

        rig_init(&rig);
        reader_charge(new_reader(&rig, ":1.1", ALICE), 100 * LIMIT_MIB, 0);
        reader = new_reader(&rig, ":1.2", ALICE);
        reader_charge(reader, LEDGER_RESERVE_BYTES, 0);
        g_assert_cmpint(reader_standing(reader, NULL), ==, READER_SERVED);
        reader_charge(reader, 1, 0);
        g_assert_cmpint(reader_standing(reader, &bound), ==, READER_UNANSWERED);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_UID);

        reader = new_reader(&rig, ":1.3", BOB);
        reader_charge(reader, LEDGER_RESERVE_BYTES + 1, 0);
        g_assert_cmpint(reader_standing(reader, &bound), ==, READER_UNANSWERED);
        g_assert_cmpint(bound, ==, LEDGER_BOUND_ALL);
}

static void test_descriptors_have_bounds_of_their_own(void)
{
        g_auto(Rig) rig;
        LedgerBound bound;
        Reader *reader, *last;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        g_assert_true(reader_may_send_descriptors(reader, 2, NULL));
        g_assert_false(reader_may_send_descriptors(reader, 3, &bound));
        g_assert_cmpint(bound, ==, LEDGER_BOUND_CONNECTION);
        g_assert_false(reader_is_due(reader));
        reader_charge(reader, 0, 2);
        g_assert_true(reader_is_due(reader));
        g_assert_false(reader_may_send_descriptors(reader, 1, NULL));

        for (int n = 0; n < 3; n++) {
                g_autofree char *name = g_strdup_printf(":2.%d", n);

                reader_charge(new_reader(&rig, name, ALICE), 0, 2);
        }
        last = new_reader(&rig, ":1.2", ALICE);
        g_assert_false(reader_may_send_descriptors(last, 1, &bound));
        g_assert_cmpint(bound, ==, LEDGER_BOUND_UID);
        g_assert_true(reader_may_send_descriptors(new_reader(&rig, ":1.3", BOB), 1, NULL));

        reader_confirm(reader, reader->sent, nothing());
        g_assert_true(reader_may_send_descriptors(last, 2, NULL));
}

static void test_a_receipt_is_due_after_its_worth(void)
{
        g_auto(Rig) rig;
        Reader *reader;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        reader_charge(reader, LIMIT_MIB - 1, 0);
        g_assert_false(reader_is_due(reader));
        reader_charge(reader, 1, 0);
        g_assert_true(reader_is_due(reader));
        reader_note_asked(reader);
        g_assert_false(reader_is_due(reader));
        reader_charge(reader, LIMIT_MIB, 0);
        g_assert_true(reader_is_due(reader));
        reader_confirm(reader, reader->sent, nothing());
        g_assert_false(reader_is_due(reader));
}

static void test_under_pressure_everybody_is_asked(void)
{
        g_auto(Rig) rig;
        Reader *reader, *other, *bob, *little;

        rig_init(&rig);
        reader = new_reader(&rig, ":1.1", ALICE);
        other = new_reader(&rig, ":1.2", ALICE);
        bob = new_reader(&rig, ":1.3", BOB);
        little = new_reader(&rig, ":1.4", ALICE);
        reader_charge(other, 300 * LIMIT_KIB, 0);
        reader_charge(bob, 300 * LIMIT_KIB, 0);
        reader_charge(little, 100, 0);
        g_assert_false(reader_calls_for_receipts(other, 300 * LIMIT_KIB));
        g_assert_false(reader_is_due(other));

        reader_charge(reader, 4 * LIMIT_MIB, 0);
        g_assert_true(reader_calls_for_receipts(reader, 4 * LIMIT_MIB));
        g_assert_true(reader_is_due(other));
        g_assert_false(reader_is_due(bob));
        g_assert_true(reader_may_help(reader, other));
        g_assert_false(reader_may_help(reader, bob));
        g_assert_false(reader_may_help(reader, little));

        /* Not at every step, as all of them are walked. */
        reader_charge(reader, 100, 0);
        g_assert_false(reader_calls_for_receipts(reader, 100));
        reader_charge(reader, LIMIT_MIB, 0);
        g_assert_true(reader_calls_for_receipts(reader, LIMIT_MIB));

        /* Of all half is used up: others of whatever uid may help. */
        reader_charge(new_reader(&rig, ":1.5", 0), 30 * LIMIT_MIB, 0);
        g_assert_true(reader_may_help(reader, bob));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/ledger/unread", test_what_is_sent_is_unread_until_it_is_confirmed);
        g_test_add_func("/ledger/left", test_what_is_left_stays_unread);
        g_test_add_func("/ledger/leaves", test_a_connection_that_leaves_is_forgotten);
        g_test_add_func("/ledger/identified", test_a_uid_is_charged_once_it_is_known);
        g_test_add_func("/ledger/room-connection", test_room_ends_at_the_bound_of_the_connection);
        g_test_add_func("/ledger/room-uid", test_room_ends_at_the_bound_of_the_uid);
        g_test_add_func("/ledger/room-all", test_room_ends_at_the_bound_of_all);
        g_test_add_func("/ledger/standing", test_calls_are_refused_and_then_not_answered);
        g_test_add_func("/ledger/reserve", test_little_is_served_whatever_others_leave);
        g_test_add_func("/ledger/descriptors", test_descriptors_have_bounds_of_their_own);
        g_test_add_func("/ledger/due", test_a_receipt_is_due_after_its_worth);
        g_test_add_func("/ledger/descriptors-anywhere", test_descriptors_count_wherever_they_are);
        g_test_add_func("/ledger/pressure", test_under_pressure_everybody_is_asked);

        return g_test_run();
}
