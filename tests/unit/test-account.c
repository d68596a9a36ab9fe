/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Accounts bound what a uid uses, whatever it uses it for.
 */

#include "core/account.h"

static void test_resources_are_counted_apart(void)
{
        g_autoptr(Accounts) accounts = accounts_new();

        accounts_charge(accounts, 4001, ACCOUNT_BYTES, 10);
        accounts_charge(accounts, 4001, ACCOUNT_CALLS, 3);
        accounts_charge(accounts, 4002, ACCOUNT_BYTES, 5);
        accounts_charge(accounts, 4001, ACCOUNT_BYTES, 1);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_BYTES), ==, 11);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_CALLS), ==, 3);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_NAMESPACES), ==, 0);
        g_assert_cmpuint(accounts_get(accounts, 4002, ACCOUNT_BYTES), ==, 5);
        g_assert_cmpuint(accounts_get(accounts, 4003, ACCOUNT_BYTES), ==, 0);

        accounts_discharge(accounts, 4001, ACCOUNT_BYTES, 11);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_BYTES), ==, 0);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_CALLS), ==, 3);
        accounts_discharge(accounts, 4001, ACCOUNT_CALLS, 3);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_CALLS), ==, 0);
        accounts_charge(accounts, 4001, ACCOUNT_CALLS, 1);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_CALLS), ==, 1);
}

static void test_a_charge_may_reach_its_maximum(void)
{
        g_autoptr(Accounts) accounts = accounts_new();

        g_assert_true(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 5, 5));
        g_assert_false(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 6, 5));
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_CALLS), ==, 0);

        accounts_charge(accounts, 4001, ACCOUNT_CALLS, 3);
        g_assert_true(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 2, 5));
        g_assert_false(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 3, 5));
        g_assert_false(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, UINT64_MAX, 5));
        /* A maximum that was lowered meanwhile. */
        g_assert_false(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 1, 2));
        g_assert_true(accounts_may_charge(accounts, 4001, ACCOUNT_CALLS, 0, 2));
}

static void test_uid_0_is_counted_and_never_refused(void)
{
        g_autoptr(Accounts) accounts = accounts_new();

        accounts_charge(accounts, 0, ACCOUNT_CALLS, 100);
        g_assert_cmpuint(accounts_get(accounts, 0, ACCOUNT_CALLS), ==, 100);
        g_assert_true(accounts_may_charge(accounts, 0, ACCOUNT_CALLS, 1, 5));
}

static void test_charging_nothing_is_nothing(void)
{
        g_autoptr(Accounts) accounts = accounts_new();

        accounts_charge(accounts, 4001, ACCOUNT_BYTES, 0);
        accounts_discharge(accounts, 4001, ACCOUNT_BYTES, 0);
        accounts_discharge(accounts, UINT32_MAX, ACCOUNT_BYTES, 0);
        g_assert_cmpuint(accounts_get(accounts, 4001, ACCOUNT_BYTES), ==, 0);
}

static void test_giving_back_more_than_was_taken_is_a_bug(void)
{
        if (g_test_subprocess()) {
                g_autoptr(Accounts) accounts = accounts_new();

                accounts_charge(accounts, 4001, ACCOUNT_BYTES, 1);
                accounts_discharge(accounts, 4001, ACCOUNT_BYTES, 2);
                return;
        }

        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_failed();
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/account/" #test, test_##test)
        ADD(resources_are_counted_apart);
        ADD(a_charge_may_reach_its_maximum);
        ADD(uid_0_is_counted_and_never_refused);
        ADD(charging_nothing_is_nothing);
        ADD(giving_back_more_than_was_taken_is_a_bug);
        return g_test_run();
}
