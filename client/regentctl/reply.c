/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replies
 */

#include "reply.h"

#include "value-type.h"

#include <string.h>

gboolean reply_fail(Failure **reterr)
{
        failure_set(reterr, EXIT_OTHER, "The answer of regentd is not understood");
        failure_set_hint(*reterr, "Is it regentd that answers, and of the version of regentctl?");
        return false;
}

gboolean reply_check_value(GVariant *value, Failure **reterr)
{
        g_autoptr(Failure) failure = NULL;

        return value_type_check(value, &failure) || reply_fail(reterr);
}

gboolean reply_check_order(const char *before, const char *name, size_t index, Failure **reterr)
{
        return (index < REPLY_NAMES_MAX && strcmp(before, name) < 0) || reply_fail(reterr);
}
