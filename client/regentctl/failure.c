/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Failure
 *
 * One table says which exit status an error of the bus has.
 */

#include "failure.h"

#include "client/regent.h"
#include "reply.h"

#include <errno.h>
#include <string.h>

#define DBUS_ERROR "org.freedesktop.DBus.Error."

typedef struct ErrorStatus {
        const char *error_name;
        ExitStatus status;
} ErrorStatus;

static const ErrorStatus error_statuses[] = {
        { REGENT_ERROR_NO_SUCH_NAMESPACE, EXIT_NOT_FOUND },
        { REGENT_ERROR_NO_SUCH_KEY, EXIT_NOT_FOUND },
        { FAILURE_FILE_NOT_FOUND, EXIT_NOT_FOUND },
        { FAILURE_UNKNOWN_OBJECT, EXIT_NOT_FOUND },
        { DBUS_ERROR "UnknownProperty", EXIT_NOT_FOUND },
        { FAILURE_ACCESS_DENIED, EXIT_DENIED },
        { FAILURE_PASSWORD_NEEDED, EXIT_DENIED },
        { REGENT_ERROR_CONFLICT, EXIT_CONFLICT },
        { REGENT_ERROR_KEY_EXISTS, EXIT_CONFLICT },
        { REGENT_ERROR_NAMESPACE_EXISTS, EXIT_CONFLICT },
        { REGENT_ERROR_BUSY, EXIT_CONFLICT },
        { REGENT_ERROR_VETOED, EXIT_REFUSED },
        { REGENT_ERROR_QUOTA_EXCEEDED, EXIT_REFUSED },
        { REGENT_ERROR_TOO_BIG, EXIT_REFUSED },
        { REGENT_ERROR_READ_ONLY, EXIT_REFUSED },
        { REGENT_ERROR_DISK_FULL, EXIT_REFUSED },
        { REGENT_ERROR_NOT_CONFIRMED, EXIT_REFUSED },
        { REGENT_ERROR_HISTORY_LOST, EXIT_REFUSED },
        { FAILURE_LIMITS_EXCEEDED, EXIT_REFUSED },
        { DBUS_ERROR "NotSupported", EXIT_REFUSED },
        { REGENT_ERROR_INVALID_NAME, EXIT_INVALID },
        { REGENT_ERROR_INVALID_VALUE, EXIT_INVALID },
        { DBUS_ERROR "InvalidArgs", EXIT_INVALID },
        { REGENT_ERROR_TIMEOUT, EXIT_TIMEOUT },
        { DBUS_ERROR "NoReply", EXIT_TIMEOUT },
        { DBUS_ERROR "Timeout", EXIT_TIMEOUT },
        { DBUS_ERROR "ServiceUnknown", EXIT_UNREACHABLE },
        { DBUS_ERROR "NameHasNoOwner", EXIT_UNREACHABLE },
        { DBUS_ERROR "Disconnected", EXIT_UNREACHABLE },
        { DBUS_ERROR "NoServer", EXIT_UNREACHABLE },
        { REGENT_ERROR_OUTCOME_UNKNOWN, EXIT_OUTCOME_UNKNOWN },
};

static const char *const status_names[] = {
        [EXIT_DONE] = "done",
        [EXIT_DIFFERS] = "differs",
        [EXIT_USAGE] = "usage",
        [EXIT_NOT_FOUND] = "not-found",
        [EXIT_DENIED] = "denied",
        [EXIT_CONFLICT] = "conflict",
        [EXIT_REFUSED] = "refused",
        [EXIT_INVALID] = "invalid",
        [EXIT_TIMEOUT] = "timeout",
        [EXIT_UNREACHABLE] = "unreachable",
        [EXIT_OUTCOME_UNKNOWN] = "outcome-unknown",
        [EXIT_OTHER] = "other",
};

const char *failure_status_name(ExitStatus status)
{
        if (status == EXIT_INTERRUPTED)
                return "interrupted";

        g_assert((unsigned) status < G_N_ELEMENTS(status_names));
        return status_names[status];
}

ExitStatus failure_status_of_error(const char *error_name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(error_statuses); i++)
                if (strcmp(error_statuses[i].error_name, error_name) == 0)
                        return error_statuses[i].status;
        return EXIT_OTHER;
}

bool failure_is(const Failure *failure, const char *error_name)
{
        return g_strcmp0(failure->error_name, error_name) == 0;
}

gboolean failure_set(Failure **reterr, ExitStatus status, const char *format, ...)
{
        Failure *failure = g_new0(Failure, 1);
        va_list arguments;

        failure->status = status;
        va_start(arguments, format);
        failure->text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        *reterr = failure;
        return FALSE;
}

gboolean failure_set_from_regent(Failure **reterr, const Regent *regent, int r)
{
        const char *name = regent_error_name(regent), *text = regent_error_text(regent);

        if (r == -EBADMSG)
                return reply_fail(reterr);

        failure_set(reterr, failure_status_of_error(name), "%s", text ? text : g_strerror(-r));
        (*reterr)->error_name = g_strdup(name);
        return FALSE;
}

void failure_set_hint(Failure *failure, const char *format, ...)
{
        va_list arguments;

        g_free(failure->hint);
        va_start(arguments, format);
        failure->hint = g_strdup_vprintf(format, arguments);
        va_end(arguments);
}

void failure_prefix(Failure *failure, const char *format, ...)
{
        g_autofree char *prefix = NULL;
        g_autofree char *text = g_steal_pointer(&failure->text);
        va_list arguments;

        va_start(arguments, format);
        prefix = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        failure->text = g_strdup_printf("%s: %s", prefix, text);
}

Failure *failure_free(Failure *failure)
{
        if (!failure)
                return NULL;

        g_free(failure->error_name);
        g_free(failure->text);
        g_free(failure->hint);
        g_free(failure);
        return NULL;
}
