/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Transaction
 *
 * What is to be set and removed in one namespace or several, as Apply takes it.
 */

#include "failure.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TransactionChange {
        char *key;
        GVariant *value;         /* NULL: remove */
        const char *entry_class; /* "runtime", "persistent", "kernel"; NULL: that of the call */
} TransactionChange;

typedef struct TransactionExpectation {
        char *key;
        uint64_t revision; /* 0: not there */
} TransactionExpectation;

typedef struct TransactionNamespace {
        char *name;
        char *entry_class;       /* of all its keys, or NULL */
        char *release;           /* that all of it is about, "": entries of none; NULL: see Apply */
        GPtrArray *changes;      /* of TransactionChange */
        GPtrArray *expectations; /* of TransactionExpectation */
} TransactionNamespace;

typedef struct Transaction {
        GPtrArray *namespaces; /* of TransactionNamespace, in the order they were added */
        uint64_t n_changes;
} Transaction;

Transaction *transaction_new(void);
Transaction *transaction_free(Transaction *transaction);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Transaction, transaction_free)

/* Borrowed. Each name once for a release; those of one name next to each other. */
TransactionNamespace *transaction_add_namespace(Transaction *transaction, const char *name);

/* @value may be floating. @entry_class is a literal or NULL. */
void transaction_set(Transaction *transaction,
                     TransactionNamespace *ns,
                     const char *key,
                     GVariant *value,
                     const char *entry_class);
void transaction_unset(Transaction *transaction, TransactionNamespace *ns, const char *key);
void transaction_expect(TransactionNamespace *ns, const char *key, uint64_t revision);

/* The bytes that a change takes in a message, about. */
uint64_t transaction_change_bytes(const TransactionChange *change);

/*
 * The changes from @begin on, at most @n of them, as an a{sv} with set, unset, class, classes and release; with
 * expect when @has_expectations. Floating.
 */
GVariant *transaction_to_variant(const TransactionNamespace *ns,
                                 guint begin,
                                 guint n,
                                 bool has_expectations);

/* Reads the text of a file for 'regentctl apply --file='. EXIT_INVALID names what is wrong with it. */
gboolean transaction_parse(const char *text,
                           size_t n_bytes,
                           Transaction **ret_transaction,
                           Failure **reterr);
