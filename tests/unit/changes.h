/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes
 *
 * Change sets and commits in one line each. Values are GVariant text: "1", "'a'", "<true>".
 */

#include "core/change-set.h"
#include "core/commit.h"
#include "core/limits.h"

#include <glib.h>
#include <stdint.h>

/* The default limits. */
const Limits *changes_limits(void);

GVariant *changes_value(const char *text);

/* An empty change set of entries, for the functions that follow. */
ChangeSet *changes_new(void);
NamespaceWish *changes_of(ChangeSet *set, const char *name);
void changes_set(ChangeSet *set, const char *name, const char *key, const char *text);
void changes_unset(ChangeSet *set, const char *name, const char *key);
void changes_expect(ChangeSet *set, const char *name, const char *key, uint64_t revision);
void changes_classify(ChangeSet *set, const char *name, const char *key, EntryClass class);

/* Whole change sets. */
ChangeSet *changes_new_set(const char *name, const char *key, const char *text);
ChangeSet *changes_new_unset(const char *name, const char *key);
ChangeSet *changes_new_create(const char *name, uint32_t owner);
ChangeSet *changes_new_remove(const char *name, ChangeSetFlags flags);
ChangeSet *changes_new_access(const char *name);

/* Commits of one change each; @text NULL: the key is deleted. */
Commit *changes_commit_create(uint64_t revision, const char *name, uint32_t owner);
Commit *changes_commit_remove(uint64_t revision, const char *name);
Commit *changes_commit_entry(
        uint64_t revision, const char *name, const char *key, const char *text, EntryClass class);
