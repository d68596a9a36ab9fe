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

static char *text_of_read_only(const FailureCause *cause)
{
        const char *place = cause->failed_path ? cause->failed_path : "its directories";

        switch (cause->failure) {
        case -EROFS:
                return g_strdup_printf("regentd cannot write to %s, on a read-only file system: "
                                       "nothing can be changed until it can",
                                       place);
        case -EACCES:
        case -EPERM:
                return g_strdup_printf("regentd has no permission to write to %s: nothing can be "
                                       "changed until it has",
                                       place);
        case -ENOSPC:
        case -EDQUOT:
                return g_strdup_printf("The disk was full when regentd wrote to %s: nothing can be "
                                       "changed until there is room for the whole state",
                                       place);
        default:
                return g_strdup("The disk has failed: nothing can be changed until it works again");
        }
}

char *failure_text(Outcome outcome, const FailureCause *cause)
{
        switch (outcome) {
        case CORE_E_READ_ONLY:
                return text_of_read_only(cause);
        case CORE_E_DISK_FULL:
                return g_strdup_printf("The disk is full: no room is left in %s. Deleting goes on "
                                       "as long as it can",
                                       cause->full_path ? cause->full_path : "the state directory");
        default:
                return g_strdup("The disk failed while this was written: it is not there now, and "
                                "may or may not be after a restart");
        }
}
