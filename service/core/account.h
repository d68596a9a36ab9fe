/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Accounts
 *
 * What each uid uses of the service, so that one user's share is bounded whatever the number of
 * its connections and namespaces. uid 0 is counted and never refused.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum AccountResource {
        ACCOUNT_NAMESPACES,           /* namespaces owned */
        ACCOUNT_KEYS,                 /* keys in them */
        ACCOUNT_BYTES,                /* bytes of keys and values */
        ACCOUNT_CALLS,                /* calls that wait for an answer */
        ACCOUNT_CALL_BYTES,           /* of the messages of writes among them */
        ACCOUNT_POLKIT_CHECKS,        /* questions that polkit has not answered */
        ACCOUNT_PARTICIPANT_CALLS,    /* calls that participants have not answered */
        ACCOUNT_UNREAD_BYTES,         /* sent, and not known to be read */
        ACCOUNT_UNREAD_DESCRIPTORS,   /* likewise */
        ACCOUNT_CHANNELS,             /* channels open */
        ACCOUNT_CHANNEL_UNREAD_BYTES, /* as ACCOUNT_UNREAD_BYTES, by channels */
        ACCOUNT_CHANNEL_INPUT_BYTES,  /* of long messages that have not come whole */
        ACCOUNT_WATCHES,              /* watches */
        ACCOUNT_PENDING_CHANGES,      /* changes that wait for a confirmation */
        ACCOUNT_PENDING_BYTES,        /* of their ways back */
        ACCOUNT_VIEW_BYTES,           /* of views it was given that somebody still has */
        _ACCOUNT_RESOURCE_MAX,
} AccountResource;

typedef struct Accounts Accounts;

Accounts *accounts_new(void);
Accounts *accounts_free(Accounts *accounts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Accounts, accounts_free)

uint64_t accounts_get(const Accounts *accounts, uint32_t uid, AccountResource resource);

/* Whether @uid may use @amount more, with at most @max in all. Charges nothing. */
bool accounts_may_charge(const Accounts *accounts,
                         uint32_t uid,
                         AccountResource resource,
                         uint64_t amount,
                         uint64_t max);

void accounts_charge(Accounts *accounts, uint32_t uid, AccountResource resource, uint64_t amount);
void accounts_discharge(Accounts *accounts,
                        uint32_t uid,
                        AccountResource resource,
                        uint64_t amount);
