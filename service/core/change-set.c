/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Change set
 */

#include "core/change-set.h"

#include "core/name.h"
#include "core/value-check.h"

#include <inttypes.h>
#include <string.h>

/* Up to here a search for a doubled key costs less than a table. */
#define KEYS_SEARCHED_MAX 8

static void entry_destroy(gpointer entry)
{
        entry_unref(entry);
}

static void expectation_clear(gpointer userdata)
{
        Expectation *expectation = userdata;

        g_free(expectation->key);
}

static void namespace_wish_free(gpointer userdata)
{
        NamespaceWish *wish = userdata;

        g_clear_pointer(&wish->keys, g_hash_table_unref);
        g_ptr_array_unref(wish->entries);
        g_clear_pointer(&wish->expectations, g_array_unref);
        g_free(wish->release);
        g_free(wish);
}

ChangeSet *change_set_new(ChangeSetKind kind)
{
        ChangeSet *set = g_new(ChangeSet, 1);

        *set = (ChangeSet){
                .kind = kind,
                .namespaces = g_ptr_array_new_with_free_func(namespace_wish_free),
        };
        return set;
}

ChangeSet *change_set_free(ChangeSet *set)
{
        if (!set)
                return NULL;

        g_ptr_array_unref(set->namespaces);
        state_free(set->source);
        if (set->confirmation)
                explicit_bzero(set->confirmation, sizeof *set->confirmation);
        g_free(set->confirmation);
        g_free(set->reason);
        g_free(set->session);
        g_free(set);
        return NULL;
}

/* Formats the text of a refusal about @name and returns @outcome. */
static int refuse(char **reterr_text, Outcome outcome, const char *name, const char *why)
{
        g_autofree char *quoted = name_quote(name);

        *reterr_text = g_strdup_printf("%s %s", quoted, why);
        return outcome;
}

int change_set_add_namespace(ChangeSet *set,
                             const char *name,
                             NamespaceWish **ret_wish,
                             char **reterr_text)
{
        size_t name_bytes = strlen(name) + 1;
        NamespaceWish *wish;

        if (!namespace_name_is_valid(name))
                return refuse(reterr_text, CORE_E_INVALID_NAME, name,
                              "is not a namespace name: two or more labels of letters, digits and "
                              "_ joined by dots, at most 200 bytes");

        if (set->namespaces->len >= LIMIT_COMMIT_NAMESPACES) {
                *reterr_text = g_strdup_printf("More than %u namespaces in one commit",
                                               LIMIT_COMMIT_NAMESPACES);
                return CORE_E_TOO_BIG;
        }

        for (guint i = 0; i < set->namespaces->len; i++) {
                const NamespaceWish *other = set->namespaces->pdata[i];

                if (strcmp(other->name, name) == 0)
                        return refuse(reterr_text, CORE_E_INVALID_ARGUMENT, name,
                                      "is named twice in one commit");
        }

        wish = g_malloc(sizeof *wish + name_bytes);
        *wish = (NamespaceWish){
                .name = (char *) (wish + 1),
                .entries = g_ptr_array_new_with_free_func(entry_destroy),
        };
        memcpy(wish->name, name, name_bytes);
        g_ptr_array_add(set->namespaces, wish);
        set->n_message_bytes += CHANGE_SET_FRAME_BYTES + name_bytes - 1;
        *ret_wish = wish;
        return 0;
}

static Entry *find_entry(const NamespaceWish *wish, const char *key)
{
        if (wish->keys)
                return g_hash_table_lookup(wish->keys, key);

        for (guint i = 0; i < wish->entries->len; i++)
                if (strcmp(entry_key(wish->entries->pdata[i]), key) == 0)
                        return wish->entries->pdata[i];

        return NULL;
}

static void index_entry(NamespaceWish *wish, Entry *entry)
{
        if (!wish->keys && wish->entries->len <= KEYS_SEARCHED_MAX)
                return;

        if (wish->keys) {
                g_hash_table_insert(wish->keys, entry->text, entry);
                return;
        }

        wish->keys = g_hash_table_new(g_str_hash, g_str_equal);
        for (guint i = 0; i < wish->entries->len; i++) {
                entry = wish->entries->pdata[i];
                g_hash_table_insert(wish->keys, entry->text, entry);
        }
}

static int check_key(const char *key, char **reterr_text)
{
        if (key_is_valid(key))
                return 0;

        return refuse(reterr_text, CORE_E_INVALID_NAME, key,
                      "is not a key: 1 to 255 bytes of letters, digits and . _ : / -");
}

static int charge(ChangeSet *set, const Limits *limits, uint64_t n_bytes, char **reterr_text)
{
        if (set->n_changes >= limits->commit_changes) {
                *reterr_text = g_strdup_printf("More than %" PRIu64 " changes in one commit",
                                               limits->commit_changes);
                return CORE_E_TOO_BIG;
        }
        if (n_bytes > limits->commit_bytes || set->n_bytes > limits->commit_bytes - n_bytes) {
                *reterr_text = g_strdup_printf("More than %" PRIu64 " bytes in one commit",
                                               limits->commit_bytes);
                return CORE_E_TOO_BIG;
        }

        set->n_changes++;
        set->n_bytes += n_bytes;
        return 0;
}

/* Before anything is copied. */
static int check_value(const char *key, GVariant *value, const Limits *limits, char **reterr_text)
{
        g_autofree char *why = NULL;
        int r;

        r = value_check_size(value, limits, &why);
        return r == 0 ? 0 : refuse(reterr_text, (Outcome) r, key, why);
}

/* Takes @entry. */
static int add_entry(
        ChangeSet *set, NamespaceWish *wish, const Limits *limits, Entry *entry, char **reterr_text)
{
        g_autoptr(Entry) owned = entry;
        int r;

        if (find_entry(wish, entry_key(entry)))
                return refuse(reterr_text, CORE_E_INVALID_ARGUMENT, entry_key(entry),
                              "is changed twice in one commit");

        r = charge(set, limits, (uint64_t) entry->key_bytes + entry->value_bytes, reterr_text);
        if (r != 0)
                return r;
        set->n_message_bytes += CHANGE_SET_FRAME_BYTES + entry_reply_bytes(entry);

        g_ptr_array_add(wish->entries, g_steal_pointer(&owned));
        index_entry(wish, entry);
        return 0;
}

int change_set_set(ChangeSet *set,
                   NamespaceWish *wish,
                   const Limits *limits,
                   const char *key,
                   GVariant *value,
                   char **reterr_text)
{
        int r;

        r = check_key(key, reterr_text);
        if (r != 0)
                return r;

        r = check_value(key, value, limits, reterr_text);
        if (r != 0)
                return r;

        return add_entry(set, wish, limits, entry_new(key, value, ENTRY_AS_SEEN), reterr_text);
}

int change_set_unset(ChangeSet *set,
                     NamespaceWish *wish,
                     const Limits *limits,
                     const char *key,
                     char **reterr_text)
{
        int r;

        r = check_key(key, reterr_text);
        if (r != 0)
                return r;

        return add_entry(set, wish, limits, entry_new_tombstone(key, ENTRY_AS_SEEN), reterr_text);
}

int change_set_expect(ChangeSet *set,
                      NamespaceWish *wish,
                      const Limits *limits,
                      const char *key,
                      uint64_t revision,
                      char **reterr_text)
{
        Expectation expectation;
        int r;

        r = check_key(key, reterr_text);
        if (r != 0)
                return r;

        r = charge(set, limits, strlen(key), reterr_text);
        if (r != 0)
                return r;

        set->n_message_bytes += CHANGE_SET_FRAME_BYTES + strlen(key);
        if (!wish->expectations) {
                wish->expectations = g_array_new(FALSE, FALSE, sizeof(Expectation));
                g_array_set_clear_func(wish->expectations, expectation_clear);
        }
        expectation = (Expectation){ .key = g_strdup(key), .revision = revision };
        g_array_append_val(wish->expectations, expectation);
        return 0;
}

int change_set_classify(NamespaceWish *wish, const char *key, EntryClass class, char **reterr_text)
{
        Entry *entry = find_entry(wish, key);

        if (!entry || entry_is_tombstone(entry))
                return refuse(reterr_text, CORE_E_INVALID_ARGUMENT, key,
                              "is given a class and not set");

        entry->class = (uint8_t) class;
        return 0;
}

/* Whether an entry that is set as @class can be of @release. */
static bool may_be_of(EntryClass class, const char *release)
{
        return class == ENTRY_AS_SEEN || (class == ENTRY_KERNEL) == (*release != '\0');
}

int change_set_set_release(NamespaceWish *wish, const char *release, char **reterr_text)
{
        if (*release && !kernel_release_is_valid(release))
                return refuse(reterr_text, CORE_E_INVALID_NAME, release,
                              "is not a kernel release: at most 64 bytes of letters, digits and "
                              ". _ + ~ @ : = , -");

        for (guint i = 0; i < wish->entries->len; i++) {
                const Entry *entry = wish->entries->pdata[i];

                if (!may_be_of((EntryClass) entry->class, release))
                        return refuse(reterr_text, CORE_E_INVALID_ARGUMENT, entry_key(entry),
                                      *release ? "is of a kernel release, and not of class kernel"
                                               : "is of class kernel, and not of a release");
        }

        g_free(wish->release);
        wish->release = g_strdup(release);
        return 0;
}

void change_set_set_session(ChangeSet *set, const char *session)
{
        g_free(set->session);
        set->session = g_strdup(session);
}

int change_set_set_reason(ChangeSet *set, const char *reason, char **reterr_text)
{
        if (strlen(reason) > LIMIT_REASON_BYTES) {
                *reterr_text = g_strdup_printf("A reason has at most %u bytes", LIMIT_REASON_BYTES);
                return CORE_E_TOO_BIG;
        }

        set->n_message_bytes += CHANGE_SET_FRAME_BYTES + strlen(reason);
        g_free(set->reason);
        set->reason = g_strdup(reason);
        return 0;
}

int change_set_set_mode(ChangeSet *set, uint32_t mode, char **reterr_text)
{
        if (mode & ~NAMESPACE_MODE_MASK) {
                *reterr_text = g_strdup_printf("Mode 0%o is not allowed: only reading and writing "
                                               "can be granted, and writing not to everybody",
                                               mode);
                return CORE_E_INVALID_ARGUMENT;
        }

        set->access.mode = mode;
        set->access_fields |= ACCESS_MODE;
        return 0;
}
