/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Receipts
 *
 * Finds out how far a connection has read: by a Ping, which it cannot answer before it has read
 * what was sent earlier. A program that reads but does not answer, as one that only ever waits for
 * the replies to its own calls, is looked up instead: dbus-daemon tells how much it has queued for
 * a connection.
 */

#include "bus/ledger.h"
#include "core/outgoing.h"

#include <glib.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

typedef struct Call Call;
typedef struct Receipts Receipts;

/* Borrows all three. */
Receipts *receipts_new(sd_bus *bus, const Limits *limits, Outgoing *outgoing);
Receipts *receipts_free(Receipts *receipts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Receipts, receipts_free)

/* @on_read is told of each that is known to have read something. */
typedef void (*ReceiptsOnRead)(void *userdata, const Reader *reader);
void receipts_set_on_read(Receipts *receipts, ReceiptsOnRead on_read, void *userdata);

/* Asks @reader for a receipt, as soon as one more may be waited for. */
void receipts_ask(Receipts *receipts, Reader *reader);

/* The ledger's: @reader is being forgotten. */
void receipts_forget(Reader *reader);

/* Has it looked up what is queued for @reader, where the bus tells that. */
void receipts_look(Receipts *receipts, Reader *reader);

/*
 * Has @call entered again when the bus has told how much is queued for @reader, and whatever it was
 * asked before. False when it does not tell.
 */
bool receipts_park(Receipts *receipts, Reader *reader, Call *call);

/* @call, which was parked here, is being freed. */
void receipts_unpark(Call *call);

/* 1 while @reader has a Ping to answer. */
unsigned int receipts_count(const Reader *reader);
