/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Hints
 *
 * What a person can do about a call that failed, or a bus that cannot be reached. Mistakes of a
 * command line or a file get their hint where they are found.
 */

#include "bus.h"
#include "failure.h"
#include "options.h"

typedef struct HintCall {
        const Options *options;
        Bus *bus;
        const char *ns_name; /* NULL: the call was about the service */
        const char *method;
} HintCall;

/* Sets the hint of a call that failed. May call regentd to find out whose a namespace is. */
void hint_call(Failure *failure, const HintCall *call);

/* For who could not connect. */
void hint_unreachable(Failure *failure, const Options *options);
