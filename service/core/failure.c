/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failure
 */

#include "core/failure.h"

#include <errno.h>
#include <glib.h>

Outcome failure_outcome(int r)
{
        switch (r) {
        case -EROFS:
                return CORE_E_READ_ONLY;
        case -ENOSPC:
                return CORE_E_DISK_FULL;
        default:
                return CORE_E_OUTCOME_UNKNOWN;
        }
}

char *failure_text(Outcome outcome, const char *full_place)
{
        switch (outcome) {
        case CORE_E_READ_ONLY:
                return g_strdup("The disk has failed: nothing can be changed until it works again");
        case CORE_E_DISK_FULL:
                return g_strdup_printf("The disk is full: no room is left in %s. Deleting goes on "
                                       "as long as it can",
                                       full_place ? full_place : "the state directory");
        default:
                return g_strdup("The disk failed while this was written: it is not there now, and "
                                "may or may not be after a restart");
        }
}
