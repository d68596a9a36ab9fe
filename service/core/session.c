/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session
 */

#include "core/session.h"

#include <glib.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-."

bool session_is_valid(const char *session)
{
        const char *connection = session + SESSION_BUS_DIGITS;
        size_t n_bytes = strlen(session);

        return n_bytes <= SESSION_BYTES_MAX &&
               strspn(session, "0123456789abcdef") == SESSION_BUS_DIGITS && *connection == ':' &&
               connection[1] &&
               strspn(connection + 1, NAME_CHARACTERS) == n_bytes - SESSION_BUS_DIGITS - 1;
}

char *session_new(const char *bus_id, const char *connection)
{
        g_autofree char *session = g_strconcat(bus_id, connection, NULL);

        if (strlen(bus_id) != SESSION_BUS_DIGITS || !session_is_valid(session))
                return NULL;

        return g_steal_pointer(&session);
}

const char *session_connection(const char *session)
{
        return session + SESSION_BUS_DIGITS;
}
