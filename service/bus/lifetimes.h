/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Lifetimes
 *
 * Which connections have ended, for what they have of class session. A departure is heard while
 * regentd runs; who has left before is found out at the start, of the bus's list of names. On another
 * bus than before, or one that was started anew, all have.
 */

#include <stdbool.h>

typedef struct BusService BusService;
typedef struct Lifetimes Lifetimes;

Lifetimes *lifetimes_new(BusService *service);
Lifetimes *lifetimes_free(Lifetimes *lifetimes);

/*
 * Asks the bus, after departures are followed. Calls @on_begun when all that had ended before is known,
 * and told of (BusPorts.end_session). What fails here ends the loop.
 */
typedef void (*LifetimesBegun)(void *userdata);
int lifetimes_begin(Lifetimes *lifetimes, LifetimesBegun on_begun, void *userdata);

/* The session (core/session.h) of @connection, owned; NULL while the bus is not known. */
char *lifetimes_session(const Lifetimes *lifetimes, const char *connection);

/*
 * @connection has left the bus, and nothing more of it will be submitted. @has_written: it may have
 * written what is not part of the state yet.
 */
void lifetimes_end(Lifetimes *lifetimes, const char *connection, bool has_written);
