/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Survey
 *
 * A load stops at the first thing that is damaged. When a side is set aside, each of its files is
 * looked at on its own, so that whoever comes to mend them knows which are to be mended.
 */

#include "store/side.h"

/* @name is damaged, for @reason, which is static. */
typedef void (*SurveyVisitor)(void *userdata, const char *name, const char *reason);

/*
 * Visits the checkpoints and journals of @side that are damaged, in the order of their names, and not
 * those that may not be read. @manifest: NULL when it is lost, or does not count. Blocks.
 */
void survey_side(const Side *side, const Manifest *manifest, SurveyVisitor visitor, void *userdata);
