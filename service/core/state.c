/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State
 */

#include "core/state.h"

#include "core/history.h"
#include "core/state-parts.h"

#include <string.h>

static int compare_names(gconstpointer a, gconstpointer b, gpointer unused G_GNUC_UNUSED)
{
        return strcmp(a, b);
}

static void namespace_destroy(gpointer ns)
{
        namespace_unref(ns);
}

State *state_new(void)
{
        State *state = g_new(State, 1);

        *state = (State){
                .namespaces = g_tree_new_full(compare_names, NULL, NULL, namespace_destroy),
                .declarations = declarations_new(),
                .accounts = accounts_new(),
                .pending = pending_changes_new(),
                .sessions = sessions_new(),
                .tombstones = tombstones_new(),
        };
        return state;
}

/* Others may hold it for longer. */
static gboolean clear_tombstones(gpointer name G_GNUC_UNUSED,
                                 gpointer ns,
                                 gpointer unused G_GNUC_UNUSED)
{
        tombstones_clear(ns);
        return FALSE;
}

State *state_free(State *state)
{
        if (!state)
                return NULL;

        g_tree_foreach(state->namespaces, clear_tombstones, NULL);
        tombstones_free(state->tombstones);
        g_tree_unref(state->namespaces);
        declarations_free(state->declarations);
        accounts_free(state->accounts);
        g_free(state->release);
        pending_changes_free(state->pending);
        sessions_free(state->sessions);
        g_free(state);
        return NULL;
}

void state_set_release(State *state, const char *release)
{
        g_assert(g_tree_nnodes(state->namespaces) == 0);
        g_free(state->release);
        state->release = g_strdup(release);
}

const char *state_release(const State *state)
{
        return state->release;
}

uint64_t state_revision(const State *state)
{
        return state->revision;
}

void state_set_revision(State *state, uint64_t revision)
{
        g_assert(revision >= state->revision);
        state->revision = revision;
}

uint64_t state_horizon(const State *state)
{
        return state->horizon;
}

void state_begin_history(State *state, uint64_t horizon)
{
        g_assert(!state->has_history);
        state->has_history = true;
        state->horizon = horizon;
        tombstones_sort(state->tombstones, state->namespaces, horizon);
}

void state_set_on_defaults(State *state, StateOnDefaults on_defaults, void *userdata)
{
        state->on_defaults = on_defaults;
        state->defaults_userdata = userdata;
}

void state_set_tombstone_limits(State *state, uint64_t n_namespace, uint64_t n_owner_bytes)
{
        tombstones_set_limits(state->tombstones, n_namespace, n_owner_bytes);
}

Namespace *state_lookup(const State *state, const char *name)
{
        return g_tree_lookup(state->namespaces, name);
}

GTree *state_namespaces(State *state)
{
        return state->namespaces;
}

uint64_t state_n_keys(const State *state)
{
        return state->n_keys;
}

uint64_t state_usage(const State *state)
{
        return state->usage;
}

PendingChanges *state_pending(State *state)
{
        return state->pending;
}

Sessions *state_sessions(const State *state)
{
        return state->sessions;
}

Accounts *state_accounts(State *state)
{
        return state->accounts;
}

void state_add_observer(State *state, StateOnReplace on_replace, void *userdata)
{
        g_assert(state->n_observers < OBSERVERS_MAX);
        state->observers[state->n_observers++] = (Observer){ on_replace, userdata };
}

void state_remove_observer(State *state, StateOnReplace on_replace, void *userdata)
{
        for (size_t i = 0; i < state->n_observers; i++)
                if (state->observers[i].on_replace == on_replace &&
                    state->observers[i].userdata == userdata) {
                        state->observers[i] = state->observers[--state->n_observers];
                        return;
                }

        g_assert_not_reached();
}

static void charge_bytes(State *state, const Namespace *ns, const Entry *entry)
{
        state->usage += entry_usage(entry);
        accounts_charge(state->accounts, ns->access.owner, ACCOUNT_BYTES, entry_usage(entry));
}

static void discharge_bytes(State *state, const Namespace *ns, const Entry *entry)
{
        state->usage -= entry_usage(entry);
        accounts_discharge(state->accounts, ns->access.owner, ACCOUNT_BYTES, entry_usage(entry));
}

void state_charge_entry(State *state, const Namespace *ns, const Entry *old, const Entry *entry)
{
        charge_bytes(state, ns, entry);
        if (old) {
                discharge_bytes(state, ns, old);
        } else {
                state->n_keys++;
                accounts_charge(state->accounts, ns->access.owner, ACCOUNT_KEYS, 1);
        }
}

static void discharge_entry(State *state, const Namespace *ns, const Entry *entry)
{
        state->n_keys--;
        accounts_discharge(state->accounts, ns->access.owner, ACCOUNT_KEYS, 1);
        discharge_bytes(state, ns, entry);
}

static void announce_replacement(State *state, Namespace *ns, Entry *old)
{
        for (size_t i = 0; i < state->n_observers; i++)
                state->observers[i].on_replace(state->observers[i].userdata, ns, old);
}

void state_put_entry(State *state, Namespace *ns, Entry *entry)
{
        Entry *old = namespace_lookup_at(ns, entry_key(entry), entry_release(entry));

        if (old && old->revision > entry->revision)
                return;

        if (old) {
                announce_replacement(state, ns, old);
                sessions_remove(state->sessions, ns->name, old);
        }
        state_charge_entry(state, ns, old, entry);
        sessions_add(state->sessions, ns->name, entry);
        namespace_put(ns, old, entry);
        if (ns->tombstones.oldest && namespace_lookup(ns, entry_key(entry)) == entry)
                tombstones_forget(ns, entry_key(entry), entry->revision);
}

static void drop_entry(State *state, Namespace *ns, const Entry *tombstone)
{
        Entry *old = namespace_lookup_at(ns, entry_key(tombstone), entry_release(tombstone));

        if (!old || old->revision > tombstone->revision || old->class != tombstone->class)
                return;

        if (namespace_lookup(ns, entry_key(tombstone)) == old)
                tombstones_put(state->tombstones, ns, entry_key(tombstone), tombstone->revision,
                               entry_is_persistent(tombstone));
        announce_replacement(state, ns, old);
        discharge_entry(state, ns, old);
        sessions_remove(state->sessions, ns->name, old);
        namespace_drop(ns, old);
}

void state_apply_entry(State *state, Namespace *ns, Entry *entry)
{
        if (entry->revision < ns->created_revision)
                return;
        if (entry_is_tombstone(entry))
                drop_entry(state, ns, entry);
        else
                state_put_entry(state, ns, entry);
}

/* What @ns counts for with its owner. */
static void charge_namespace(State *state, const Namespace *ns)
{
        accounts_charge(state->accounts, ns->access.owner, ACCOUNT_NAMESPACES, 1);
        accounts_charge(state->accounts, ns->access.owner, ACCOUNT_KEYS, namespace_n_keys(ns));
        accounts_charge(state->accounts, ns->access.owner, ACCOUNT_BYTES, ns->usage);
}

static void discharge_namespace(State *state, const Namespace *ns)
{
        accounts_discharge(state->accounts, ns->access.owner, ACCOUNT_BYTES, ns->usage);
        accounts_discharge(state->accounts, ns->access.owner, ACCOUNT_KEYS, namespace_n_keys(ns));
        accounts_discharge(state->accounts, ns->access.owner, ACCOUNT_NAMESPACES, 1);
}

/* A default that comes or goes is no commit: its key is marked as if the next one had deleted it. */
static void mark_defaults(State *state, Namespace *ns, const Declaration *before)
{
        if (state->on_defaults &&
            history_mark_defaults(state->tombstones, ns, before, state->revision + 1))
                state->on_defaults(state->defaults_userdata, ns);
}

bool state_declare(State *state, Namespace *ns)
{
        Declaration *declaration = declarations_lookup(state->declarations, ns->name);
        g_autoptr(Declaration) before = NULL;

        if (declaration == ns->declaration ||
            (declaration && !declaration_has_access(declaration, &ns->access)))
                return false;

        before = ns->declaration ? declaration_ref(ns->declaration) : NULL;
        namespace_set_declaration(ns, declaration);
        mark_defaults(state, ns, before);
        return true;
}

void state_add_namespace(State *state, Namespace *ns)
{
        ns->release = state->release;
        if (state->has_history)
                namespace_begin_history(ns);
        (void) state_declare(state, ns);
        charge_namespace(state, ns);
        if (state->is_loading)
                namespace_begin_loading(ns);
        g_tree_insert(state->namespaces, ns->name, ns);
}

static void remove_namespace(State *state, Namespace *ns)
{
        state->n_keys -= namespace_n_keys(ns);
        state->usage -= ns->usage;
        discharge_namespace(state, ns);
        sessions_remove_namespace(state->sessions, ns->name);
        tombstones_clear(ns);
        ns->is_removed = true;
        g_tree_remove(state->namespaces, ns->name);
}

void state_set_access(State *state, Namespace *ns, const NamespaceAccess *access)
{
        discharge_namespace(state, ns);
        ns->access = *access;
        charge_namespace(state, ns);
        tombstones_rehome(state->tombstones, ns);
}

static void apply_change(State *state, const Commit *commit, const NamespaceChange *change)
{
        Namespace *ns = state_lookup(state, change->name);

        if (change->kind == NAMESPACE_CHANGE_CREATE) {
                if (ns)
                        remove_namespace(state, ns);
                state_add_namespace(state,
                                    namespace_new(change->name, &change->access, commit->revision));
                return;
        }

        if (!ns)
                return;
        if (ns->revision < commit->revision)
                ns->revision = commit->revision;

        switch (change->kind) {
        case NAMESPACE_CHANGE_ENTRIES:
                for (guint i = 0; i < change->entries->len; i++)
                        state_apply_entry(state, ns, change->entries->pdata[i]);
                break;
        case NAMESPACE_CHANGE_REMOVE:
                remove_namespace(state, ns);
                break;
        case NAMESPACE_CHANGE_ACCESS:
                state_set_access(state, ns, &change->access);
                ns->access_revision = commit->revision;
                (void) state_declare(state, ns);
                break;
        case NAMESPACE_CHANGE_CREATE:
                g_assert_not_reached();
        }
}

void state_load_pending(State *state, PendingChange *change)
{
        if (pending_changes_lookup(state->pending, change->revision))
                return;

        pending_changes_add(state->pending, change);
        sessions_add_ways_back(state->sessions, change);
        accounts_charge(state->accounts, change->writer_uid, ACCOUNT_PENDING_CHANGES, 1);
        accounts_charge(state->accounts, change->writer_uid, ACCOUNT_PENDING_BYTES,
                        change->n_bytes);
}

static void end_pending(State *state, uint64_t revision)
{
        g_autoptr(PendingChange) change = pending_changes_remove(state->pending, revision);

        if (!change)
                return;
        sessions_remove_ways_back(state->sessions, change);
        accounts_discharge(state->accounts, change->writer_uid, ACCOUNT_PENDING_BYTES,
                           change->n_bytes);
        accounts_discharge(state->accounts, change->writer_uid, ACCOUNT_PENDING_CHANGES, 1);
}

void state_forget_pending(State *state)
{
        const GPtrArray *all = pending_changes_all(state->pending);

        while (all->len > 0)
                end_pending(state, ((PendingChange *) all->pdata[0])->revision);
}

void state_apply(State *state, const Commit *commit)
{
        if (commit->pending)
                state_load_pending(state, commit->pending);
        if (commit->settles > 0)
                end_pending(state, commit->settles);
        for (guint i = 0; i < commit->changes->len; i++)
                apply_change(state, commit, commit->changes->pdata[i]);

        if (state->revision < commit->revision)
                state->revision = commit->revision;
}

void state_set_declarations(State *state,
                            Declarations *declarations,
                            const char *except,
                            StateOnDeclared on_declared,
                            void *userdata)
{
        GTreeNode *node = g_tree_node_first(state->namespaces);

        declarations_free(state->declarations);
        state->declarations = declarations;
        for (; node; node = g_tree_node_next(node)) {
                Namespace *ns = g_tree_node_value(node);

                bool waits = except && strcmp(ns->name, except) == 0 &&
                             declarations_lookup(declarations, ns->name);

                if (!waits && state_declare(state, ns))
                        on_declared(userdata, ns);
        }
}

Declarations *state_declarations(State *state)
{
        return state->declarations;
}
