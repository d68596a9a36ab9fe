/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transaction
 */

#include "transaction.h"

#include <string.h>

/* What stands around a key and its value in a message: lengths, the signature, padding. */
#define CHANGE_FRAME_BYTES 32u

static void change_free(void *userdata)
{
        TransactionChange *change = userdata;

        g_free(change->key);
        if (change->value)
                g_variant_unref(change->value);
        g_free(change);
}

static void expectation_free(void *userdata)
{
        TransactionExpectation *expectation = userdata;

        g_free(expectation->key);
        g_free(expectation);
}

static void namespace_free(void *userdata)
{
        TransactionNamespace *ns = userdata;

        g_ptr_array_unref(ns->changes);
        g_ptr_array_unref(ns->expectations);
        g_free(ns->entry_class);
        g_free(ns->release);
        g_free(ns->name);
        g_free(ns);
}

Transaction *transaction_new(void)
{
        Transaction *transaction = g_new0(Transaction, 1);

        transaction->namespaces = g_ptr_array_new_with_free_func(namespace_free);
        return transaction;
}

Transaction *transaction_free(Transaction *transaction)
{
        if (!transaction)
                return NULL;

        g_ptr_array_unref(transaction->namespaces);
        g_free(transaction);
        return NULL;
}

TransactionNamespace *transaction_add_namespace(Transaction *transaction, const char *name)
{
        TransactionNamespace *ns = g_new0(TransactionNamespace, 1);

        ns->name = g_strdup(name);
        ns->changes = g_ptr_array_new_with_free_func(change_free);
        ns->expectations = g_ptr_array_new_with_free_func(expectation_free);
        g_ptr_array_add(transaction->namespaces, ns);
        return ns;
}

void transaction_set(Transaction *transaction,
                     TransactionNamespace *ns,
                     const char *key,
                     GVariant *value,
                     const char *entry_class)
{
        TransactionChange *change = g_new(TransactionChange, 1);

        *change = (TransactionChange){
                .key = g_strdup(key),
                .value = g_variant_ref_sink(value),
                .entry_class = entry_class,
        };
        g_ptr_array_add(ns->changes, change);
        transaction->n_changes++;
}

void transaction_unset(Transaction *transaction, TransactionNamespace *ns, const char *key)
{
        TransactionChange *change = g_new0(TransactionChange, 1);

        change->key = g_strdup(key);
        g_ptr_array_add(ns->changes, change);
        transaction->n_changes++;
}

void transaction_expect(TransactionNamespace *ns, const char *key, uint64_t revision)
{
        TransactionExpectation *expectation = g_new(TransactionExpectation, 1);

        *expectation = (TransactionExpectation){ .key = g_strdup(key), .revision = revision };
        g_ptr_array_add(ns->expectations, expectation);
}

uint64_t transaction_change_bytes(const TransactionChange *change)
{
        return CHANGE_FRAME_BYTES + strlen(change->key) +
               (change->value ? g_variant_get_size(change->value) : 0);
}

static void add_expectations(GVariantBuilder *builder, const TransactionNamespace *ns)
{
        GVariantBuilder expect = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        if (ns->expectations->len == 0)
                return;

        for (guint i = 0; i < ns->expectations->len; i++) {
                const TransactionExpectation *each = ns->expectations->pdata[i];

                g_variant_builder_add(&expect, "{sv}", each->key,
                                      g_variant_new_uint64(each->revision));
        }
        g_variant_builder_add(builder, "{sv}", "expect", g_variant_builder_end(&expect));
}

GVariant *transaction_to_variant(const TransactionNamespace *ns,
                                 guint begin,
                                 guint n,
                                 bool has_expectations)
{
        GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        GVariantBuilder set = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
        GVariantBuilder unset = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_STRING_ARRAY);
        GVariantBuilder classes = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

        for (guint i = begin; i < ns->changes->len && i - begin < n; i++) {
                const TransactionChange *change = ns->changes->pdata[i];

                if (!change->value)
                        g_variant_builder_add(&unset, "s", change->key);
                else
                        g_variant_builder_add(&set, "{sv}", change->key, change->value);
                if (change->value && change->entry_class)
                        g_variant_builder_add(&classes, "{sv}", change->key,
                                              g_variant_new_string(change->entry_class));
        }

        g_variant_builder_add(&builder, "{sv}", "set", g_variant_builder_end(&set));
        g_variant_builder_add(&builder, "{sv}", "unset", g_variant_builder_end(&unset));
        g_variant_builder_add(&builder, "{sv}", "classes", g_variant_builder_end(&classes));
        if (ns->entry_class)
                g_variant_builder_add(&builder, "{sv}", "class",
                                      g_variant_new_string(ns->entry_class));
        if (ns->release)
                g_variant_builder_add(&builder, "{sv}", "release",
                                      g_variant_new_string(ns->release));
        if (has_expectations)
                add_expectations(&builder, ns);
        return g_variant_builder_end(&builder);
}
