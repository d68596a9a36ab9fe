/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Commit model
 */

#include "commit-model.h"

#include "changes.h"

#include <string.h>

static const char *const namespace_names[MODEL_NAMESPACES] = { "n.a", "n.a.b", "n.b", "n.c",
                                                               "m.x" };
static const char *const key_names[MODEL_KEYS] = { "a", "a.b", "a/b", "b", "ba", "c", "long-key" };
static const uint32_t owners[MODEL_OWNERS] = { 4001, 4002, 0 };

const char *const model_releases[MODEL_PLACES] = { "", "6.1-running", "6.2-x" };

static uint64_t entry_bytes(const ModelNamespace *ns, size_t key, size_t place)
{
        const ModelEntry *entry = &ns->entries[key][place];

        /* And the final zero byte of a string. */
        return entry->is_set
                       ? strlen(key_names[key]) + strlen(model_releases[place]) + entry->n_bytes + 1
                       : 0;
}

static size_t seen_place(const ModelNamespace *ns, size_t key)
{
        return ns->entries[key][1].is_set ? 1 : 0;
}

const ModelEntry *model_seen(const ModelNamespace *ns, size_t key)
{
        return &ns->entries[key][seen_place(ns, key)];
}

/* What expectations and flags go by. */
static const ModelEntry *judged(const ModelNamespace *ns,
                                const ModelRequest *request,
                                size_t i,
                                size_t key)
{
        return request->namespaces[i].has_release ? &ns->entries[key][request->namespaces[i].place]
                                                  : model_seen(ns, key);
}

/* What a wish is about. */
static size_t place_of(const ModelNamespace *ns, const ModelRequest *request, size_t i, size_t key)
{
        EntryClass class = request->namespaces[i].keys[key].class;

        if (request->namespaces[i].has_release)
                return request->namespaces[i].place;
        if (request->namespaces[i].keys[key].wish == MODEL_UNSET || class == ENTRY_AS_SEEN)
                return seen_place(ns, key);
        return class == ENTRY_KERNEL ? 1 : 0;
}

static uint64_t count_keys(const ModelNamespace *ns)
{
        uint64_t n = 0;

        for (size_t k = 0; ns->is_there && k < MODEL_KEYS; k++)
                for (size_t p = 0; p < MODEL_PLACES; p++)
                        n += ns->entries[k][p].is_set;
        return n;
}

static uint64_t count_bytes(const ModelNamespace *ns)
{
        uint64_t n = 0;

        for (size_t k = 0; ns->is_there && k < MODEL_KEYS; k++)
                for (size_t p = 0; p < MODEL_PLACES; p++)
                        n += entry_bytes(ns, k, p);
        return n;
}

static uint64_t count_owned_bytes(const Model *model, uint32_t owner)
{
        uint64_t n = 0;

        for (size_t i = 0; i < MODEL_NAMESPACES; i++)
                if (model->namespaces[i].owner == owner)
                        n += count_bytes(&model->namespaces[i]);
        return n;
}

static uint64_t count_owned_namespaces(const Model *model, uint32_t owner)
{
        uint64_t n = 0;

        for (size_t i = 0; i < MODEL_NAMESPACES; i++)
                n += model->namespaces[i].is_there && model->namespaces[i].owner == owner;
        return n;
}

static bool is_over_quota(const Model *before, const Model *after, const Limits *limits)
{
        for (size_t i = 0; i < MODEL_NAMESPACES; i++) {
                const ModelNamespace *old = &before->namespaces[i], *new = &after->namespaces[i];
                uint64_t quota_keys = new->quota_keys ? new->quota_keys : limits->namespace_keys;

                if (count_keys(new) > count_keys(old) && count_keys(new) > quota_keys)
                        return true;
                if (count_bytes(new) > count_bytes(old) &&
                    count_bytes(new) > limits->namespace_bytes)
                        return true;
        }

        for (size_t i = 0; i < MODEL_OWNERS; i++) {
                uint64_t owned = count_owned_bytes(after, owners[i]);

                if (owners[i] != 0 && owned > count_owned_bytes(before, owners[i]) &&
                    owned > limits->uid_bytes)
                        return true;
        }
        return false;
}

static bool is_missing(const Model *model, const ModelRequest *request, size_t i)
{
        const ModelNamespace *ns = &model->namespaces[i];
        uint64_t created_revision = request->namespaces[i].created_revision;

        return !ns->is_there || (created_revision > 0 && created_revision != ns->created_revision);
}

static bool is_conflict(const Model *model, const ModelRequest *request, size_t i)
{
        for (size_t k = 0; k < MODEL_KEYS; k++) {
                const ModelEntry *entry = judged(&model->namespaces[i], request, i, k);

                if (request->namespaces[i].keys[k].is_expected &&
                    request->namespaces[i].keys[k].expected !=
                            (entry->is_set ? entry->revision : 0))
                        return true;
        }
        return false;
}

static unsigned presence_outcomes(const Model *model, const ModelRequest *request, size_t i)
{
        unsigned outcomes = 0;

        for (size_t k = 0; k < MODEL_KEYS; k++) {
                bool is_set = judged(&model->namespaces[i], request, i, k)->is_set;
                ModelWish wish = request->namespaces[i].keys[k].wish;

                if (wish != MODEL_LEAVE && !is_set && (request->flags & CHANGE_SET_CHANGE_ONLY))
                        outcomes |= MODEL_OUTCOME(CORE_E_NO_SUCH_KEY);
                if (wish == MODEL_SET && is_set && (request->flags & CHANGE_SET_CREATE_ONLY))
                        outcomes |= MODEL_OUTCOME(CORE_E_KEY_EXISTS);
        }
        return outcomes;
}

static void change_entries(ModelNamespace *ns,
                           const ModelRequest *request,
                           size_t i,
                           uint64_t revision,
                           bool *is_changed)
{
        for (size_t k = 0; k < MODEL_KEYS; k++) {
                size_t place = place_of(ns, request, i, k);
                ModelEntry *entry = &ns->entries[k][place];
                unsigned n_bytes = request->namespaces[i].keys[k].n_bytes;
                EntryClass class = request->namespaces[i].keys[k].class;
                ModelWish wish = request->namespaces[i].keys[k].wish;

                if (class == ENTRY_AS_SEEN)
                        class = place == 0 ? ENTRY_PERSISTENT : ENTRY_KERNEL;
                if (wish == MODEL_LEAVE || (wish == MODEL_UNSET && !entry->is_set) ||
                    (wish == MODEL_SET && entry->is_set && entry->n_bytes == n_bytes &&
                     entry->class == class))
                        continue;
                *entry = wish == MODEL_UNSET ? (ModelEntry){}
                                             : (ModelEntry){ true, n_bytes, class, revision };
                ns->revision = revision;
                *is_changed = true;
        }
}

static unsigned apply_entries(Model *model,
                              const ModelRequest *request,
                              const Limits *limits,
                              uint64_t revision,
                              bool *is_changed)
{
        const Model before = *model;
        unsigned outcomes = 0, late_outcomes = 0;

        for (size_t i = 0; i < MODEL_NAMESPACES; i++)
                if (request->namespaces[i].is_touched && is_missing(model, request, i))
                        return MODEL_OUTCOME(CORE_E_NO_SUCH_NAMESPACE);

        for (size_t i = 0; i < MODEL_NAMESPACES; i++) {
                if (!request->namespaces[i].is_touched)
                        continue;
                if (is_conflict(&before, request, i))
                        outcomes |= MODEL_OUTCOME(CORE_E_CONFLICT);
                late_outcomes |= presence_outcomes(&before, request, i);
                change_entries(&model->namespaces[i], request, i, revision, is_changed);
        }
        if (is_over_quota(&before, model, limits))
                late_outcomes |= MODEL_OUTCOME(CORE_E_QUOTA_EXCEEDED);

        outcomes = outcomes ? outcomes : late_outcomes;
        return outcomes ? outcomes : MODEL_OUTCOME(0);
}

static size_t first_touched(const ModelRequest *request)
{
        size_t i = 0;

        while (!request->namespaces[i].is_touched)
                i++;
        return i;
}

static unsigned apply_namespace(Model *model,
                                const ModelRequest *request,
                                const Limits *limits,
                                uint64_t revision,
                                bool *is_changed)
{
        size_t i = first_touched(request);
        ModelNamespace *ns = &model->namespaces[i];

        if (request->kind == CHANGE_SET_CREATE_NAMESPACE) {
                if (ns->is_there)
                        return MODEL_OUTCOME(CORE_E_NAMESPACE_EXISTS);
                if (request->writer_uid != 0 &&
                    count_owned_namespaces(model, request->writer_uid) >= limits->uid_namespaces)
                        return MODEL_OUTCOME(CORE_E_QUOTA_EXCEEDED);
                *ns = (ModelNamespace){ true, request->writer_uid, revision, revision, 0, {} };
                *is_changed = true;
                return MODEL_OUTCOME(0);
        }

        if (is_missing(model, request, i))
                return MODEL_OUTCOME(CORE_E_NO_SUCH_NAMESPACE);
        if (request->kind == CHANGE_SET_ACCESS) {
                *is_changed = ns->quota_keys != request->quota_keys;
                if (*is_changed)
                        ns->revision = revision;
                ns->quota_keys = request->quota_keys;
                return MODEL_OUTCOME(0);
        }
        if (count_keys(ns) > 0 && !(request->flags & CHANGE_SET_NOT_EMPTY))
                return MODEL_OUTCOME(CORE_E_NAMESPACE_NOT_EMPTY);
        *ns = (ModelNamespace){};
        *is_changed = true;
        return MODEL_OUTCOME(0);
}

unsigned model_apply(Model *model,
                     const ModelRequest *request,
                     const Limits *limits,
                     uint64_t revision,
                     bool *ret_is_changed)
{
        Model after = *model;
        unsigned outcomes;

        *ret_is_changed = false;
        if (request->kind == CHANGE_SET_NOTHING)
                return MODEL_OUTCOME(0);

        outcomes = request->kind == CHANGE_SET_ENTRIES
                           ? apply_entries(&after, request, limits, revision, ret_is_changed)
                           : apply_namespace(&after, request, limits, revision, ret_is_changed);
        if (outcomes != MODEL_OUTCOME(0) || (request->flags & CHANGE_SET_DRY_RUN))
                *ret_is_changed = false;
        if (*ret_is_changed) {
                *model = after;
                model->revision = revision;
        }
        return outcomes;
}

static char *value_text(unsigned n_bytes)
{
        g_autofree char *text = g_strnfill(n_bytes, 'x');

        return g_strdup_printf("'%s'", text);
}

static void add_wishes(ChangeSet *set, const ModelRequest *request, size_t i)
{
        const char *name = namespace_names[i];

        g_autofree char *error = NULL;

        changes_of(set, name)->created_revision = request->namespaces[i].created_revision;
        for (size_t k = 0; request->kind == CHANGE_SET_ENTRIES && k < MODEL_KEYS; k++) {
                g_autofree char *text = value_text(request->namespaces[i].keys[k].n_bytes);

                if (request->namespaces[i].keys[k].is_expected)
                        changes_expect(set, name, key_names[k],
                                       request->namespaces[i].keys[k].expected);
                if (request->namespaces[i].keys[k].wish == MODEL_UNSET)
                        changes_unset(set, name, key_names[k]);
                if (request->namespaces[i].keys[k].wish != MODEL_SET)
                        continue;
                changes_set(set, name, key_names[k], text);
                changes_classify(set, name, key_names[k], request->namespaces[i].keys[k].class);
        }
        if (request->namespaces[i].has_release)
                g_assert_cmpint(change_set_set_release(changes_of(set, name),
                                                       model_releases[request->namespaces[i].place],
                                                       &error),
                                ==, 0);
}

ChangeSet *model_change_set(const ModelRequest *request)
{
        ChangeSet *set = change_set_new(request->kind);

        set->flags = request->flags;
        set->writer_uid = request->writer_uid;
        if (request->kind == CHANGE_SET_ACCESS) {
                set->access_fields = ACCESS_QUOTA_KEYS;
                set->access.quota_keys = request->quota_keys;
        }
        for (size_t i = 0; request->kind != CHANGE_SET_NOTHING && i < MODEL_NAMESPACES; i++)
                if (request->namespaces[i].is_touched)
                        add_wishes(set, request, i);
        return set;
}

static void assert_entry(const ModelEntry *expected, Entry *entry)
{
        g_autoptr(GVariant) value = entry ? entry_value(entry) : NULL;

        g_assert_true(expected->is_set == (entry != NULL));
        if (!entry)
                return;
        g_assert_cmpuint(strlen(g_variant_get_string(value, NULL)), ==, expected->n_bytes);
        g_assert_cmpint(entry->class, ==, expected->class);
        g_assert_cmpuint(entry->revision, ==, expected->revision);
}

void model_assert_state(const Model *model, State *state)
{
        uint64_t n_keys = 0, n_bytes = 0;

        g_assert_cmpuint(state_revision(state), ==, model->revision);
        for (size_t i = 0; i < MODEL_NAMESPACES; i++) {
                const ModelNamespace *expected = &model->namespaces[i];
                const Namespace *ns = state_lookup(state, namespace_names[i]);

                g_assert_true(expected->is_there == (ns != NULL));
                if (!ns)
                        continue;
                g_assert_cmpuint(ns->created_revision, ==, expected->created_revision);
                g_assert_cmpuint(ns->revision, ==, expected->revision);
                g_assert_cmpuint(namespace_n_keys(ns), ==, count_keys(expected));
                g_assert_cmpuint(ns->usage, ==, count_bytes(expected));
                n_keys += count_keys(expected);
                n_bytes += count_bytes(expected);
                for (size_t k = 0; k < MODEL_KEYS; k++) {
                        assert_entry(model_seen(expected, k), namespace_lookup(ns, key_names[k]));
                        for (size_t p = 0; p < MODEL_PLACES; p++)
                                assert_entry(
                                        &expected->entries[k][p],
                                        namespace_lookup_at(ns, key_names[k], model_releases[p]));
                }
        }

        g_assert_cmpuint(state_n_keys(state), ==, n_keys);
        g_assert_cmpuint(state_usage(state), ==, n_bytes);
        for (size_t i = 0; i < MODEL_OWNERS; i++) {
                const Accounts *accounts = state_accounts(state);

                g_assert_cmpuint(accounts_get(accounts, owners[i], ACCOUNT_BYTES), ==,
                                 count_owned_bytes(model, owners[i]));
                g_assert_cmpuint(accounts_get(accounts, owners[i], ACCOUNT_NAMESPACES), ==,
                                 count_owned_namespaces(model, owners[i]));
        }
}
