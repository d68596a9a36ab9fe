/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bus errors
 */

#include "bus/bus-error.h"

#include "client/regent-names.h"
#include "wire/errors.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>

static const char *const outcome_names[] = {
        [CORE_E_NO_SUCH_NAMESPACE] = REGENT_ERROR_NO_SUCH_NAMESPACE,
        [CORE_E_NAMESPACE_EXISTS] = REGENT_ERROR_NAMESPACE_EXISTS,
        [CORE_E_NAMESPACE_NOT_EMPTY] = REGENT_ERROR_CONFLICT,
        [CORE_E_NO_SUCH_KEY] = REGENT_ERROR_NO_SUCH_KEY,
        [CORE_E_KEY_EXISTS] = REGENT_ERROR_KEY_EXISTS,
        [CORE_E_INVALID_NAME] = REGENT_ERROR_INVALID_NAME,
        [CORE_E_INVALID_VALUE] = REGENT_ERROR_INVALID_VALUE,
        [CORE_E_INVALID_ARGUMENT] = SD_BUS_ERROR_INVALID_ARGS,
        [CORE_E_TOO_BIG] = REGENT_ERROR_TOO_BIG,
        [CORE_E_QUOTA_EXCEEDED] = REGENT_ERROR_QUOTA_EXCEEDED,
        [CORE_E_CONFLICT] = REGENT_ERROR_CONFLICT,
        [CORE_E_READ_ONLY] = REGENT_ERROR_READ_ONLY,
        [CORE_E_DISK_FULL] = REGENT_ERROR_DISK_FULL,
        [CORE_E_BUSY] = REGENT_ERROR_BUSY,
        [CORE_E_VETOED] = REGENT_ERROR_VETOED,
        [CORE_E_TIMEOUT] = REGENT_ERROR_TIMEOUT,
        [CORE_E_NOT_CONFIRMED] = REGENT_ERROR_NOT_CONFIRMED,
        [CORE_E_OUTCOME_UNKNOWN] = REGENT_ERROR_OUTCOME_UNKNOWN,
        [CORE_E_HISTORY_LOST] = REGENT_ERROR_HISTORY_LOST,
        [CORE_E_TOO_MANY_CHANGES] = SD_BUS_ERROR_LIMITS_EXCEEDED,
};

int bus_error_set(sd_bus_error *reterr_bus, int outcome, const char *text)
{
        if (outcome < 0)
                return sd_bus_error_set_errno(reterr_bus, outcome);

        g_assert(outcome > 0 && outcome < (int) G_N_ELEMENTS(outcome_names));
        return sd_bus_error_set(reterr_bus, outcome_names[outcome], text);
}

static bool is_no_descriptors(int r)
{
        return r == -EMFILE || r == -ENFILE;
}

int bus_error_set_no_descriptors(sd_bus_error *reterr_bus, int r)
{
        if (!is_no_descriptors(r))
                return r;
        return bus_refused(sd_bus_error_set(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                            "There are no file descriptors left"));
}

int bus_error_set_unwritten(sd_bus_error *reterr_bus, int r, const char *consequence)
{
        const char *name = REGENT_ERROR_READ_ONLY, *reason = g_strerror(-r);

        if (is_no_descriptors(r))
                return bus_error_set_no_descriptors(reterr_bus, r);
        if (r == -ENOSPC || r == -EDQUOT || r == -EFBIG) {
                name = REGENT_ERROR_DISK_FULL;
        } else if (r == -ECANCELED) {
                name = REGENT_ERROR_BUSY;
                reason = "the service stops";
        }

        return bus_refused(
                sd_bus_error_setf(reterr_bus, name, "The copy could not be written%s%s: %s",
                                  consequence ? ", " : "", consequence ? consequence : "", reason));
}

int bus_error_register(void)
{
        int r = sd_bus_error_add_map(wire_errors);

        return r < 0 ? r : 0;
}
