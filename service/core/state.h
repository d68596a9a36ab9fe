/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * State
 *
 * All namespaces as of one revision: what readers see. It changes by state_apply() alone, and only
 * by commits that are durable already, or lazy and written.
 */

#include "core/account.h"
#include "core/commit.h"
#include "core/declarations.h"
#include "core/namespace.h"
#include "core/pending-changes.h"
#include "core/sessions.h"

#include <glib.h>
#include <stdint.h>

typedef struct State State;

State *state_new(void);
State *state_free(State *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(State, state_free)

/*
 * What kernel runs: entries of this release are what readers see. NULL: of none. Before there is
 * any namespace.
 */
void state_set_release(State *state, const char *release);

const char *state_release(const State *state);

uint64_t state_revision(const State *state);

/* Only forward. Recovery sets it after what it loaded, to what must not be used again. */
void state_set_revision(State *state, uint64_t revision);

/* Borrows; NULL when there is none. */
Namespace *state_lookup(const State *state, const char *name);

/* name -> Namespace, in the order of names; not to be changed. */
GTree *state_namespaces(State *state);

uint64_t state_n_keys(const State *state);
uint64_t state_usage(const State *state);

/* Since when what has changed is known; see core/history.h. */
uint64_t state_horizon(const State *state);

/* What is given by default in @ns is another from its defaults_revision on, which nothing has yet. */
typedef void (*StateOnDefaults)(void *userdata, const Namespace *ns);

/* For core/history.c alone: from now on changes of the defaults are marked, and @on_defaults is told. */
void state_set_on_defaults(State *state, StateOnDefaults on_defaults, void *userdata);

/* For core/history.c alone: before, nothing is linked; the namespaces that are there follow. */
void state_begin_history(State *state, uint64_t horizon);

/* What is kept of deleted keys: how many a namespace, and how many bytes an owner. */
void state_set_tombstone_limits(State *state, uint64_t n_namespace, uint64_t n_owner_bytes);

/* The changes that wait for a confirmation. */
PendingChanges *state_pending(State *state);

/* Which connections have entries of class session. */
Sessions *state_sessions(const State *state);

/* What namespaces, keys and bytes each owner has; other resources may be charged to it too. */
Accounts *state_accounts(State *state);

/*
 * Applies @commit. It also takes what recovery brings from two journals that were written side by
 * side: an entry or tombstone older than what it meets, older than its namespace, or of a namespace
 * that is gone, has no effect; a tombstone deletes only an entry of its own class and release.
 */
void state_apply(State *state, const Commit *commit);

/*
 * Between these two the state is loaded, fast; nobody walks the entries of a namespace that was created
 * since. Both may be called again.
 */
void state_begin_loading(State *state);
void state_end_loading(State *state);

/*
 * state_apply() of what commits set and delete in @ns, in their order; but the state's revision stays. The
 * references in @entries become those of what is needed no more; some may be NULL.
 */
void state_load_entries(State *state, Namespace *ns, Entry **entries, size_t n_entries);

/*
 * The same for what a checkpoint holds. state_load_namespace() gives the namespace just made (or
 * the one already there, its access replaced), state_load_entry() takes @entry.
 */
Namespace *state_load_namespace(State *state,
                                const char *name,
                                const NamespaceAccess *access,
                                uint64_t created_revision,
                                uint64_t revision);
void state_load_entry(State *state, Namespace *ns, Entry *entry);

/* The same for a tombstone, and for what is known to be missing of those of @ns. */
void state_load_tombstone(
        State *state, Namespace *ns, const char *key, uint64_t revision, bool is_persistent);
void state_load_tombstone_floor(Namespace *ns, uint64_t floor);

/* The same for a change that waits for a confirmation; and all of them are forgotten. */
void state_load_pending(State *state, PendingChange *change);
void state_forget_pending(State *state);

/*
 * Takes @declarations in place of those before. From then on nobody changes an access against them; but
 * the rules and defaults of a namespace come into force only with the access that is declared with
 * them: where that is another one, what was in force stays until the access is applied. @on_declared is
 * told of each namespace that they come into force for at once. Those of the namespace @except (NULL:
 * none), whose access may be about to change, wait for its state_apply() or state_declare().
 */
typedef void (*StateOnDeclared)(void *userdata, Namespace *ns);
void state_set_declarations(State *state,
                            Declarations *declarations,
                            const char *except,
                            StateOnDeclared on_declared,
                            void *userdata);
Declarations *state_declarations(State *state);

/* Puts into force what is declared of @ns, if it has that access. Whether something else is in force now. */
bool state_declare(State *state, Namespace *ns);

/*
 * @on_replace is told of an entry before another, or nothing, takes its place; not of those that
 * go with their whole namespace. There are at most two (a checkpoint walk each of the persistent
 * and the runtime store).
 */
typedef void (*StateOnReplace)(void *userdata, Namespace *ns, Entry *entry);
void state_add_observer(State *state, StateOnReplace on_replace, void *userdata);
void state_remove_observer(State *state, StateOnReplace on_replace, void *userdata);
