/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Outgoing calls
 */

#include "core/outgoing.h"

#include <stdbool.h>

struct Outgoing {
        const Limits *limits;
        Accounts *accounts;
        uint64_t n[_OUTGOING_KIND_MAX];
};

Outgoing *outgoing_new(const Limits *limits, Accounts *accounts)
{
        Outgoing *outgoing = g_new(Outgoing, 1);

        *outgoing = (Outgoing){ .limits = limits, .accounts = accounts };
        return outgoing;
}

Outgoing *outgoing_free(Outgoing *outgoing)
{
        g_free(outgoing);
        return NULL;
}

static uint64_t count_max(const Limits *limits, OutgoingKind kind)
{
        switch (kind) {
        case OUTGOING_POLKIT:
                return limits->polkit_checks;
        case OUTGOING_PARTICIPANT:
                return limits->participant_calls;
        case OUTGOING_RECEIPT:
                return limits->receipts;
        case _OUTGOING_KIND_MAX:
                break;
        }

        g_assert_not_reached();
}

/* Whether a uid has a share of @kind; if so, where it is charged, and how much it may be. */
static bool has_share(const Limits *limits,
                      OutgoingKind kind,
                      AccountResource *ret_resource,
                      uint64_t *ret_max)
{
        switch (kind) {
        case OUTGOING_POLKIT:
                *ret_resource = ACCOUNT_POLKIT_CHECKS;
                *ret_max = limits->uid_polkit_checks;
                return true;
        case OUTGOING_PARTICIPANT:
                *ret_resource = ACCOUNT_PARTICIPANT_CALLS;
                *ret_max = limits->uid_participant_calls;
                return true;
        case OUTGOING_RECEIPT:
        case _OUTGOING_KIND_MAX:
                break;
        }

        return false;
}

int outgoing_begin(Outgoing *outgoing, OutgoingKind kind, uint32_t uid)
{
        AccountResource resource;
        uint64_t uid_max;

        if (outgoing->n[kind] >= count_max(outgoing->limits, kind))
                return OUTGOING_E_TOO_MANY;

        if (has_share(outgoing->limits, kind, &resource, &uid_max)) {
                if (!accounts_may_charge(outgoing->accounts, uid, resource, 1, uid_max))
                        return OUTGOING_E_TOO_MANY;
                accounts_charge(outgoing->accounts, uid, resource, 1);
        }

        outgoing->n[kind]++;
        return 0;
}

void outgoing_end(Outgoing *outgoing, OutgoingKind kind, uint32_t uid)
{
        AccountResource resource;
        uint64_t uid_max;

        g_assert(outgoing->n[kind] > 0);
        outgoing->n[kind]--;
        if (has_share(outgoing->limits, kind, &resource, &uid_max))
                accounts_discharge(outgoing->accounts, uid, resource, 1);
}

uint64_t outgoing_count(const Outgoing *outgoing, OutgoingKind kind)
{
        return outgoing->n[kind];
}
