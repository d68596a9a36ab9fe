/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file of 'regentctl apply' becomes what Apply takes.
 */

#include "transaction.h"

#include <stdbool.h>
#include <string.h>

static Transaction *parse(const char *text)
{
        g_autoptr(Failure) failure = NULL;
        Transaction *transaction = NULL;

        if (!transaction_parse(text, strlen(text), &transaction, &failure))
                g_error("%s: %s", text, failure->text);
        return transaction;
}

static void assert_variant(GVariant *got, const char *wanted)
{
        g_autoptr(GVariant) owned = g_variant_ref_sink(got);
        g_autofree char *text = g_variant_print(owned, true);

        g_assert_cmpstr(text, ==, wanted);
}

static const char document[] =
        "{\"a.b\":{\"set\":{\"x\":{\"type\":\"u\",\"data\":1},"
        "\"y\":{\"type\":\"s\",\"data\":\"t\",\"class\":\"persistent\"}},"
        "\"unset\":[\"z\"],\"expect\":{\"x\":18446744073709551615,\"n\":0},\"class\":\"runtime\"},"
        "\"c.d\":{}}";

static void test_files_become_arguments(void)
{
        g_autoptr(Transaction) transaction = parse(document);

        g_assert_cmpuint(transaction->namespaces->len, ==, 2);
        g_assert_cmpuint(transaction->n_changes, ==, 3);
        assert_variant(transaction_to_variant(transaction->namespaces->pdata[0], 0, 10, true),
                       "{'set': <{'x': <uint32 1>, 'y': <'t'>}>, 'unset': <['z']>, "
                       "'classes': <{'y': <'persistent'>}>, 'class': <'runtime'>, "
                       "'expect': <{'x': <uint64 18446744073709551615>, 'n': <uint64 0>}>}");
        assert_variant(transaction_to_variant(transaction->namespaces->pdata[1], 0, 10, true),
                       "{'set': <@a{sv} {}>, 'unset': <@as []>, 'classes': <@a{sv} {}>}");
}

static void test_parts_hold_what_they_should(void)
{
        g_autoptr(Transaction) transaction = parse(document);

        assert_variant(transaction_to_variant(transaction->namespaces->pdata[0], 1, 1, false),
                       "{'set': <{'y': <'t'>}>, 'unset': <@as []>, "
                       "'classes': <{'y': <'persistent'>}>, 'class': <'runtime'>}");
        assert_variant(transaction_to_variant(transaction->namespaces->pdata[0], 2, 5, false),
                       "{'set': <@a{sv} {}>, 'unset': <['z']>, 'classes': <@a{sv} {}>, "
                       "'class': <'runtime'>}");
}

static void test_what_is_no_transaction_is_refused(void)
{
        static const char *const wrong[][2] = {
                { "1", "expected an object of namespaces" },
                { "{\"a.b\":1}", "a.b: expected an object" },
                { "{\"a.b\":{\"put\":{}}}", "a.b: put: it may be" },
                { "{\"a.b\":{\"set\":[]}}", "set: expected an object of values" },
                { "{\"a.b\":{\"set\":{\"k\":1}}}", "k: expected a value as" },
                { "{\"a.b\":{\"set\":{\"k\":{\"type\":\"u\",\"data\":1,\"class\":\"x\"}}}}",
                  "'x' is no class" },
                { "{\"a.b\":{\"unset\":{}}}", "expected an array of keys" },
                { "{\"a.b\":{\"unset\":[1]}}", "expected an array of keys" },
                { "{\"a.b\":{\"expect\":{\"k\":-1}}}", "expected a revision" },
                { "{\"a.b\":{\"expect\":{\"k\":\"1\"}}}", "k: expected a revision" },
                { "{\"a.b\":{\"class\":\"other\"}}", "'other' is no class" },
                { "{\"a.b\":{\"class\":1}}", "expected a class" },
                { "{\"a.b\":{},\"a.b\":{}}", "stands twice" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++) {
                g_autoptr(Failure) failure = NULL;
                Transaction *transaction = NULL;

                if (transaction_parse(wrong[i][0], strlen(wrong[i][0]), &transaction, &failure))
                        g_error("%s was taken", wrong[i][0]);
                g_assert_cmpint(failure->status, ==, EXIT_INVALID);
                if (!strstr(failure->text, wrong[i][1]))
                        g_error("%s: %s", wrong[i][0], failure->text);
        }
}

int main(int argc, char *argv[])
{
        g_test_init(&argc, &argv, NULL);

#define ADD(test) g_test_add_func("/transaction/" #test, test_##test)
        ADD(files_become_arguments);
        ADD(parts_hold_what_they_should);
        ADD(what_is_no_transaction_is_refused);
        return g_test_run();
}
