/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls that peers have not answered are bounded, by kind and for a uid.
 */

#include "core/outgoing.h"

static void begin_many(Outgoing *outgoing, OutgoingKind kind, uint32_t uid, int n)
{
        for (int i = 0; i < n; i++)
                g_assert_cmpint(outgoing_begin(outgoing, kind, uid), ==, 0);
}

static void test_a_uid_has_its_share(void)
{
        g_autoptr(Accounts) accounts = accounts_new();
        g_autoptr(Outgoing) outgoing = NULL;
        Limits limits;

        limits_init(&limits);
        outgoing = outgoing_new(&limits, accounts);
        begin_many(outgoing, OUTGOING_POLKIT, 4001, 8);
        begin_many(outgoing, OUTGOING_PARTICIPANT, 4001, 4);
        g_assert_cmpint(outgoing_begin(outgoing, OUTGOING_POLKIT, 4001), ==, OUTGOING_E_TOO_MANY);
        g_assert_cmpint(outgoing_begin(outgoing, OUTGOING_PARTICIPANT, 4001), ==,
                        OUTGOING_E_TOO_MANY);
        begin_many(outgoing, OUTGOING_PARTICIPANT, 4002, 4);
        begin_many(outgoing, OUTGOING_PARTICIPANT, 0, 20);

        outgoing_end(outgoing, OUTGOING_POLKIT, 4001);
        begin_many(outgoing, OUTGOING_POLKIT, 4001, 1);
        g_assert_cmpuint(outgoing_count(outgoing, OUTGOING_POLKIT), ==, 8);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_POLKIT_CHECKS), ==, 8);
}

static void test_all_together_fit_the_bus(void)
{
        g_autoptr(Accounts) accounts = accounts_new();
        g_autoptr(Outgoing) outgoing = NULL;
        uint64_t n = 0;
        Limits limits;

        limits_init(&limits);
        outgoing = outgoing_new(&limits, accounts);
        for (int kind = 0; kind < _OUTGOING_KIND_MAX; kind++) {
                for (int i = 0; i < 1000; i++)
                        (void) outgoing_begin(outgoing, (OutgoingKind) kind, 0);
                n += outgoing_count(outgoing, (OutgoingKind) kind);
        }
        g_assert_cmpuint(outgoing_count(outgoing, OUTGOING_POLKIT), ==, 48);
        g_assert_cmpuint(outgoing_count(outgoing, OUTGOING_PARTICIPANT), ==, 48);
        g_assert_cmpuint(outgoing_count(outgoing, OUTGOING_RECEIPT), ==, 24);
        g_assert_cmpuint(n, <, 128);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);

        g_test_add_func("/outgoing/uid", test_a_uid_has_its_share);
        g_test_add_func("/outgoing/all", test_all_together_fit_the_bus);

        return g_test_run();
}
