/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Ledger
 *
 * What was sent to each connection and is not yet known to be read, in bytes and descriptors, for
 * the connection, its uid and in all. The bus keeps what a receiver leaves unread on its sender's
 * account, and stops reading from a sender that has too much there: so whoever does not read is
 * refused before that. It knows of no bus; bus/flow.c moves what it says.
 */

#include "core/account.h"
#include "core/limits.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* What a message counts for beside the values in it. */
#define LEDGER_MESSAGE_BYTES UINT64_C(512)
/* So much may always be added to a reply, as long as its connection is served at all. */
#define LEDGER_SMALL_BYTES (4 * LIMIT_KIB)
/* So little is never refused for what other connections leave unread. */
#define LEDGER_RESERVE_BYTES (16 * LIMIT_KIB)
/* So much may be sent to a connection before it is asked of the bus whose it is. */
#define LEDGER_UNIDENTIFIED_BYTES (64 * LIMIT_KIB)

typedef struct Ledger Ledger;

/* So much has been sent. What a receipt answers for is where it was asked for. */
typedef struct LedgerMark {
        uint64_t n_bytes, n_descriptors;
} LedgerMark;

typedef struct Reader {
        Ledger *ledger;
        char *name; /* unique name */
        bool is_identified;
        uint32_t uid;
        LedgerMark sent;                  /* since it is known */
        LedgerMark read;                  /* of that, what is known to be read */
        LedgerMark asked;                 /* when it was last asked how far it has read */
        uint64_t n_refused, n_unanswered; /* calls */
        void *receipt;                    /* bus/flow.c's */
} Reader;

/* What becomes of a call, from one bound to the next. */
typedef enum ReaderStanding {
        READER_SERVED,
        READER_REFUSED,    /* over a bound by an eighth: it gets errors */
        READER_UNANSWERED, /* over it by a quarter: even errors would pile up */
} ReaderStanding;

typedef enum LedgerBound {
        LEDGER_BOUND_NONE,
        LEDGER_BOUND_CONNECTION,
        LEDGER_BOUND_UID,
        LEDGER_BOUND_ALL,
} LedgerBound;

/* @on_reader_gone gets each Reader before it is freed. Borrows @limits and @accounts. */
Ledger *ledger_new(const Limits *limits,
                   Accounts *accounts,
                   void (*on_reader_gone)(Reader *reader));

/*
 * Of channels, which have bounds of their own: what they leave unread is kept here, and not by the bus.
 * But descriptors count together with those of @of_bus, which is borrowed.
 */
Ledger *ledger_new_of_channels(Ledger *of_bus);
bool reader_is_channel(const Reader *reader);

Ledger *ledger_free(Ledger *ledger);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ledger, ledger_free)

/* The Reader of a connection; NULL when nothing was sent to it. */
Reader *ledger_lookup(const Ledger *ledger, const char *name);

/* The same, made when there is none. */
Reader *ledger_get(Ledger *ledger, const char *name);

/* The connection has left: nothing of it is unread any more. */
void ledger_forget(Ledger *ledger, const char *name);

LedgerMark ledger_unread(const Ledger *ledger);

/* Descriptors that are unread, by connections of the bus and channels; and borrowed, in no order, who has them. */
uint64_t ledger_descriptors(const Ledger *ledger);
GHashTable *ledger_holders(const Ledger *ledger);

/* Readers, borrowed, in no order. */
GHashTable *ledger_readers(const Ledger *ledger);

/* It is @uid's: what it has unread is charged there from now on. */
void reader_identify(Reader *reader, uint32_t uid);

LedgerMark reader_unread(const Reader *reader);

/* Bytes that all connections of its uid have unread; 0 for uid 0, which is not bound by it. */
uint64_t reader_uid_unread(const Reader *reader);

/* *ret_bound, unless NULL, is whose bound is crossed. */
ReaderStanding reader_standing(const Reader *reader, LedgerBound *ret_bound);

/*
 * How large a reply may be. One of any size may, to whoever has less than a receipt's worth unread:
 * else one that is larger than a bound could never be had.
 */
uint64_t reader_room(const Reader *reader, LedgerBound *ret_bound);
bool reader_may_send_descriptors(const Reader *reader, uint64_t n, LedgerBound *ret_bound);

/* Whether what @other, one of the holders, has counts within the @bound that stops @reader. */
bool reader_may_hold_up(const Reader *reader, const Reader *other, LedgerBound bound);

void reader_charge(Reader *reader, uint64_t n_bytes, uint64_t n_descriptors);

/* Whether it is time to ask how far it has read; from then on it counts as asked. */
bool reader_is_due(Reader *reader);
void reader_note_asked(Reader *reader);

/* Whether what @reader was just charged, @n_bytes, makes it time to ask the others, too. */
bool reader_calls_for_receipts(const Reader *reader, uint64_t n_bytes);

/* Whether asking it would help when @reader's uid, or all, have much unread. */
bool reader_may_help(const Reader *reader, const Reader *other);

/* It has read all that was sent before @mark, but for @left. */
void reader_confirm(Reader *reader, LedgerMark mark, LedgerMark left);
