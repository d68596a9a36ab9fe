/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Failure
 *
 * What ends a verb early: an exit status, a D-Bus error name for programs, a text for people, and
 * what to do next. Functions of regentctl that can fail return false with a Failure; only main
 * prints it.
 */

#include <glib.h>
#include <stdbool.h>

/* The exit statuses, as regentctl(1) lists them. */
typedef enum ExitStatus {
        EXIT_DONE = 0,
        EXIT_DIFFERS = 1, /* of diff, and of verify for a torn end, alone */
        EXIT_USAGE = 2,
        EXIT_NOT_FOUND = 3,
        EXIT_DENIED = 4,
        EXIT_CONFLICT = 5,
        EXIT_REFUSED = 6,
        EXIT_INVALID = 7,
        EXIT_TIMEOUT = 8,
        EXIT_UNREACHABLE = 9,
        EXIT_OUTCOME_UNKNOWN = 10,
        EXIT_OTHER = 11,
        EXIT_INTERRUPTED = 130,
} ExitStatus;

typedef struct Failure {
        ExitStatus status;
        char *error_name; /* D-Bus error, or NULL */
        char *text;       /* may hold anything: print it through output.h */
        char *hint;       /* what to do next, or NULL */
} Failure;

/* "denied", "not-found": what programs get in place of the number. */
const char *failure_status_name(ExitStatus status);

/* Errors of D-Bus itself that something depends on; Regent's are in regent-names.h. */
#define FAILURE_LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"
#define FAILURE_ACCESS_DENIED   "org.freedesktop.DBus.Error.AccessDenied"
#define FAILURE_UNKNOWN_OBJECT  "org.freedesktop.DBus.Error.UnknownObject"
#define FAILURE_FILE_NOT_FOUND  "org.freedesktop.DBus.Error.FileNotFound"
#define FAILURE_PASSWORD_NEEDED "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"

/* Whether it is the D-Bus error of that name. */
bool failure_is(const Failure *failure, const char *error_name);

/* EXIT_OTHER for a name that is not known. */
ExitStatus failure_status_of_error(const char *error_name);

/* Sets @reterr to a new Failure and returns false, so that callers can return it. */
G_GNUC_PRINTF(3, 4)
gboolean failure_set(Failure **reterr, ExitStatus status, const char *format, ...);

/* The same from what failed last on @regent, with @r. Knows the exit status of every error name of Regent's. */
struct Regent;
gboolean failure_set_from_regent(Failure **reterr, const struct Regent *regent, int r);

/* Replaces the hint. */
G_GNUC_PRINTF(2, 3) void failure_set_hint(Failure *failure, const char *format, ...);

/* Puts "@format: " before the text. */
G_GNUC_PRINTF(2, 3) void failure_prefix(Failure *failure, const char *format, ...);

Failure *failure_free(Failure *failure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Failure, failure_free)
