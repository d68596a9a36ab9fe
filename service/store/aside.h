/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Aside
 *
 * What a start finds damaged: the log is told of each file once, and damaged/ gets it under a label
 * that says when and why.
 */

#include "store/recovery.h"
#include "store/side.h"

#include <stdint.h>

#define ASIDE_REASON_COPIES "the last known good copy is damaged"

/* A label for what is damaged, by @reason. Owned. */
char *aside_label(uint64_t now_usec, const char *reason);

/* Tells of the damage on a side, and what there is instead. */
void aside_log(const Side *side, const RecoveryFindings *findings);

/* Tells of all else that is damaged on a side that is to be set aside. Reads all of it. */
void aside_log_others(const Side *side, const RecoveryFindings *findings);

/* Tells of copies (char *) of the last known good state that are damaged, but for the file @told of already. */
void aside_log_copies(const Side *side, const GPtrArray *copies, const char *told);

/* They are set aside. 0 or an errno. */
int aside_put_copies(const Side *side, GPtrArray *copies, uint64_t now_usec);

/*
 * What has the name of a checkpoint or journal that the side's manifest does not know, and is not that:
 * told of, and set aside. 0 or an errno.
 */
int aside_put_strangers(const Side *side, uint64_t now_usec);
