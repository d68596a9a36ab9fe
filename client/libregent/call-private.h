/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What calls that wait and calls that do not have in common
 */

#include "private.h"

#define CALL_INTERACTIVE_USEC (UINT64_C(300) * G_USEC_PER_SEC)

/* Before anything is sent; sinks and drops the arguments where it fails. */
int call_check(Regent *regent, const CallSpec *spec);

int call_read_reply(
        Regent *regent, sd_bus_message *m, const char *type, GVariant **ret_reply, int *ret_fd);

/* Whether the answer may be missing to what was done. */
bool call_is_unanswered(const char *name);

/* Whether it is sd-bus itself that failed with @r, and not regentd. */
bool call_error_is_own(int r, const sd_bus_error *error);

/* Each sets what failed last and returns the errno. */
/* Of a call that waited: @r is what that has failed with. */
int call_error_of_waiting(Regent *regent,
                          const char *interface_name,
                          const char *member,
                          int r,
                          const sd_bus_error *error);
int call_error_of_sending(Regent *regent, int r);
int call_error_of_type(Regent *regent, const char *type);
int call_error_of_reply(Regent *regent,
                        const char *interface_name,
                        const char *member,
                        const sd_bus_error *error);
