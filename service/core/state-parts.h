/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * State parts
 *
 * What State is made of, for state.c, which applies commits to it, and state-load.c, which fills it at a
 * start. Everybody else has core/state.h.
 */

#include "core/state.h"

#define OBSERVERS_MAX 2

typedef struct Observer {
        StateOnReplace on_replace;
        void *userdata;
} Observer;

struct State {
        GTree *namespaces; /* name (in the namespace) -> owned Namespace */
        Declarations *declarations;
        Accounts *accounts;
        char *release; /* that runs; NULL: none */
        PendingChanges *pending;
        Sessions *sessions;
        Tombstones *tombstones;
        bool has_history;
        uint64_t horizon;
        StateOnDefaults on_defaults; /* NULL: the defaults are not known yet */
        void *defaults_userdata;
        uint64_t revision;
        uint64_t n_keys;
        uint64_t usage;
        Observer observers[OBSERVERS_MAX];
        size_t n_observers;
        bool is_loading;
};

/* @entry in place of @old, which may be NULL, with its owner. */
void state_charge_entry(State *state, const Namespace *ns, const Entry *old, const Entry *entry);

/* Not what is older than what is there; state_apply_entry() takes tombstones too. */
void state_put_entry(State *state, Namespace *ns, Entry *entry);
void state_apply_entry(State *state, Namespace *ns, Entry *entry);

/* Takes @ns. */
void state_add_namespace(State *state, Namespace *ns);
void state_set_access(State *state, Namespace *ns, const NamespaceAccess *access);
