/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit log
 *
 * One record for each namespace that a commit touches, with NAMESPACE=, REVISION= and UID=, and
 * KEY= when it is one key. Values are never logged. Changes of namespaces, and commits that give a
 * reason, are at level info; the others, of which there may be thousands a second, at debug.
 */

#include <glib.h>

/* @commits: Commit. */
void commit_log(const GPtrArray *commits);
