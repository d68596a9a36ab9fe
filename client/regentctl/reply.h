/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Replies
 *
 * What regentd answers is not trusted to have the shape that it should have: another program may
 * have its name on a bus that --address= or --host= leads to.
 */

#include "failure.h"

#include <glib.h>
#include <stddef.h>

/* Whoever goes on after so many names of namespaces or keys has no end. */
#define REPLY_NAMES_MAX ((size_t) 1 << 24)

/* EXIT_OTHER: the answer is not understood. Returns false. */
gboolean reply_fail(Failure **reterr);

/* Whether @value is one that Regent can hold. */
gboolean reply_check_value(GVariant *value, Failure **reterr);

/* Whether @name, the one at @index of all pages, comes after @before, so that there is an end. */
gboolean reply_check_order(const char *before, const char *name, size_t index, Failure **reterr);
