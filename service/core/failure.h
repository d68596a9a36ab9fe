/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Failure
 *
 * What is answered to those whose batch could not be written.
 */

#include "core/outcome.h"

/* @r: as PipelineCallbacks.journal() says. */
Outcome failure_outcome(int r);

/* Why nothing is written, or not everything. */
typedef struct FailureCause {
        int failure; /* the errno that writing failed with; 0: it has not */
        const char *
                failed_path; /* the directory that cannot be written; NULL: not known. Borrowed, as is the next */
        const char *
                full_path; /* the directory that last had no room; NULL: always had, or not known */
} FailureCause;

/* Owned. */
char *failure_text(Outcome outcome, const FailureCause *cause);
