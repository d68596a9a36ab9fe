/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Outgoing calls
 *
 * How many calls of regentd's own are not answered. The bus lets one connection wait for 128
 * replies, and a place among them is taken until the peer answers or leaves, however long regentd
 * itself wants to wait: so each kind of call has its share, and one uid a share of that.
 */

#include "core/account.h"
#include "core/limits.h"

#include <glib.h>
#include <stdint.h>

typedef enum OutgoingKind {
        OUTGOING_POLKIT,      /* a question about a uid */
        OUTGOING_PARTICIPANT, /* a call to a uid's participant */
        OUTGOING_RECEIPT,     /* has no share of a uid: what it may have unread bounds it */
        _OUTGOING_KIND_MAX,
} OutgoingKind;

enum {
        OUTGOING_E_TOO_MANY = 1, /* for the uid or in all */
};

typedef struct Outgoing Outgoing;

/* Borrows both. */
Outgoing *outgoing_new(const Limits *limits, Accounts *accounts);
Outgoing *outgoing_free(Outgoing *outgoing);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Outgoing, outgoing_free)

/* 0, and the call may be made; or OUTGOING_E_TOO_MANY. */
int outgoing_begin(Outgoing *outgoing, OutgoingKind kind, uint32_t uid);

/* The peer has answered or left. */
void outgoing_end(Outgoing *outgoing, OutgoingKind kind, uint32_t uid);

uint64_t outgoing_count(const Outgoing *outgoing, OutgoingKind kind);
