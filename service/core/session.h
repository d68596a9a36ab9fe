/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Session
 *
 * A connection, as entries of class session name it: the bus's id, which is another one after the bus
 * was started anew, and right behind it the unique name. A bus gives that to nobody else.
 */

#include <stdbool.h>

#define SESSION_BUS_DIGITS 32u  /* hexadecimal, lower case */
#define SESSION_BYTES_MAX  128u /* unique names of the buses there are have some twenty */

/* Owned; NULL when one of them is none, or is too long. */
char *session_new(const char *bus_id, const char *connection);

bool session_is_valid(const char *session);

/* The unique name; in @session. */
const char *session_connection(const char *session);
