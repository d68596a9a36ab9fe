/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Position
 */

#include "position.h"

#include <string.h>

bool position_parse(const char *text, Position *ret_position)
{
        const char *colon = strrchr(text, ':');
        guint64 revision;

        if (!colon || colon == text || !g_utf8_validate(text, -1, NULL) ||
            !g_ascii_string_to_unsigned(colon + 1, 10, 0, G_MAXUINT64, &revision, NULL))
                return false;

        *ret_position = (Position){ .epoch = g_strndup(text, (gsize) (colon - text)),
                                    .revision = revision };
        return true;
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
