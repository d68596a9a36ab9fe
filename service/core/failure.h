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

/* Owned. @full_place: the directory that has no room; NULL: not known. */
char *failure_text(Outcome outcome, const char *full_place);
