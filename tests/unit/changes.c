/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes
 */

#include "changes.h"

#include <string.h>

const Limits *changes_limits(void)
{
        static Limits limits;

        limits_init(&limits);
        return &limits;
}

GVariant *changes_value(const char *text)
{
        g_autoptr(GError) error = NULL;
        GVariant *value = g_variant_parse(NULL, text, NULL, NULL, &error);

        g_assert_no_error(error);
        return value;
}

ChangeSet *changes_new(void)
{
        return change_set_new(CHANGE_SET_ENTRIES);
}

NamespaceWish *changes_of(ChangeSet *set, const char *name)
{
        g_autofree char *text = NULL;
        NamespaceWish *wish;

        for (guint i = 0; i < set->namespaces->len; i++) {
                wish = set->namespaces->pdata[i];
                if (strcmp(wish->name, name) == 0)
                        return wish;
        }

        g_assert_cmpint(change_set_add_namespace(set, name, &wish, &text), ==, 0);
        return wish;
}

void changes_set(ChangeSet *set, const char *name, const char *key, const char *text)
{
        g_autoptr(GVariant) value = changes_value(text);
        g_autofree char *error = NULL;

        g_assert_cmpint(
                change_set_set(set, changes_of(set, name), changes_limits(), key, value, &error),
                ==, 0);
}

void changes_unset(ChangeSet *set, const char *name, const char *key)
{
        g_autofree char *error = NULL;

        g_assert_cmpint(change_set_unset(set, changes_of(set, name), changes_limits(), key, &error),
                        ==, 0);
}

void changes_expect(ChangeSet *set, const char *name, const char *key, uint64_t revision)
{
        g_autofree char *error = NULL;

        g_assert_cmpint(change_set_expect(set, changes_of(set, name), changes_limits(), key,
                                          revision, &error),
                        ==, 0);
}

void changes_classify(ChangeSet *set, const char *name, const char *key, EntryClass class)
{
        g_autofree char *error = NULL;

        g_assert_cmpint(change_set_classify(changes_of(set, name), key, class, &error), ==, 0);
}

ChangeSet *changes_new_set(const char *name, const char *key, const char *text)
{
        ChangeSet *set = changes_new();

        changes_set(set, name, key, text);
        return set;
}

ChangeSet *changes_new_unset(const char *name, const char *key)
{
        ChangeSet *set = changes_new();

        changes_unset(set, name, key);
        return set;
}

static ChangeSet *new_of_kind(ChangeSetKind kind, const char *name)
{
        ChangeSet *set = change_set_new(kind);

        changes_of(set, name);
        return set;
}

ChangeSet *changes_new_create(const char *name, uint32_t owner)
{
        ChangeSet *set = new_of_kind(CHANGE_SET_CREATE_NAMESPACE, name);

        set->writer_uid = owner;
        return set;
}

ChangeSet *changes_new_remove(const char *name, ChangeSetFlags flags)
{
        ChangeSet *set = new_of_kind(CHANGE_SET_REMOVE_NAMESPACE, name);

        set->flags = flags;
        return set;
}

ChangeSet *changes_new_access(const char *name)
{
        return new_of_kind(CHANGE_SET_ACCESS, name);
}

static Commit *commit_of(uint64_t revision)
{
        return commit_new(revision, 1000 * revision, 4001, NULL);
}

Commit *changes_commit_create(uint64_t revision, const char *name, uint32_t owner)
{
        Commit *commit = commit_of(revision);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_CREATE, name);

        change->access = (NamespaceAccess){
                .owner = owner,
                .group = NAMESPACE_NO_GROUP,
                .mode = NAMESPACE_MODE_STANDARD,
        };
        return commit;
}

Commit *changes_commit_remove(uint64_t revision, const char *name)
{
        Commit *commit = commit_of(revision);

        commit_add(commit, NAMESPACE_CHANGE_REMOVE, name);
        return commit;
}

Commit *changes_commit_entry(
        uint64_t revision, const char *name, const char *key, const char *text, EntryClass class)
{
        Commit *commit = commit_of(revision);
        NamespaceChange *change = commit_add(commit, NAMESPACE_CHANGE_ENTRIES, name);
        g_autoptr(GVariant) value = text ? changes_value(text) : NULL;

        commit_add_entry(commit, change,
                         value ? entry_new(key, value, class) : entry_new_tombstone(key, class));
        return commit;
}
