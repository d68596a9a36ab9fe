/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Position
 */

#include "position.h"

#include <string.h>

gboolean position_parse(const char *text, Position *ret_position, Failure **reterr)
{
        const char *colon = strrchr(text, ':');
        guint64 revision;

        if (!colon || colon == text ||
            !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT64, &revision, NULL)) {
                failure_set(reterr, EXIT_USAGE, "--since= takes EPOCH:REVISION, not '%s'", text);
                failure_set_hint(*reterr, "'regentctl watch' prints it: with --json=short as "
                                          "\"position\" of every event.");
                return FALSE;
        }
        *ret_position = (Position){ .epoch = g_strndup(text, (gsize) (colon - text)),
                                    .revision = revision };
        return TRUE;
}

char *position_print(const Position *position)
{
        if (!position->epoch)
                return NULL;
        return g_strdup_printf("%s:%" G_GUINT64_FORMAT, position->epoch, position->revision);
}

void position_set(Position *position, const char *epoch, uint64_t revision)
{
        if (position->epoch != epoch) {
                g_free(position->epoch);
                position->epoch = g_strdup(epoch);
        }
        position->revision = revision;
}

void position_clear(Position *position)
{
        g_clear_pointer(&position->epoch, g_free);
        position->revision = 0;
}
