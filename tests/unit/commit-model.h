/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Commit model
 *
 * What a service does with commits, in the most simple way: a table of a few namespaces and keys,
 * copied for each commit, and summed up anew for each quota. What core does is held against it.
 */

#include "core/change-set.h"
#include "core/state.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define MODEL_NAMESPACES 5
#define MODEL_KEYS       7
#define MODEL_OWNERS     3 /* uids 4001, 4002 and 0 */
#define MODEL_PLACES     3 /* of no kernel release, of the one that runs, of another */

extern const char *const model_releases[MODEL_PLACES];

/* A value is a string of so many bytes, and all its bytes the same letter. */
typedef struct ModelEntry {
        bool is_set;
        unsigned n_bytes;
        EntryClass class;
        uint64_t revision;
} ModelEntry;

typedef struct ModelNamespace {
        bool is_there;
        uint32_t owner;
        uint64_t created_revision;
        uint64_t revision;
        uint64_t quota_keys;
        ModelEntry entries[MODEL_KEYS][MODEL_PLACES];
} ModelNamespace;

typedef struct Model {
        ModelNamespace namespaces[MODEL_NAMESPACES];
        uint64_t revision; /* of the last commit that came to be */
} Model;

typedef enum ModelWish {
        MODEL_LEAVE,
        MODEL_SET,
        MODEL_UNSET,
} ModelWish;

/* What is asked for; of the other kinds of change set, the first namespace that is touched. */
typedef struct ModelRequest {
        ChangeSetKind kind;
        ChangeSetFlags flags;
        uint32_t writer_uid;
        uint64_t quota_keys; /* of ACCESS */
        struct {
                bool is_touched;
                uint64_t created_revision; /* 0: any */
                bool has_release;
                size_t place; /* with that: what all of it is about */
                struct {
                        ModelWish wish;
                        unsigned n_bytes;
                        EntryClass class;
                        bool is_expected;
                        uint64_t expected;
                } keys[MODEL_KEYS];
        } namespaces[MODEL_NAMESPACES];
} ModelRequest;

/* Sets of outcomes, since two can be right where two things are wrong. */
#define MODEL_OUTCOME(outcome) (1u << (outcome))

/*
 * Does to @model what @request asks for, as @revision. Returns the outcomes that are right, of which
 * MODEL_OUTCOME(0) is done; *ret_is_changed says whether it took the revision.
 */
unsigned model_apply(Model *model,
                     const ModelRequest *request,
                     const Limits *limits,
                     uint64_t revision,
                     bool *ret_is_changed);

/* @request as core takes it. */
ChangeSet *model_change_set(const ModelRequest *request);

/* What readers see of a key, or an entry that is not set. */
const ModelEntry *model_seen(const ModelNamespace *ns, size_t key);

/* @state holds what @model holds, and its sums are right. */
void model_assert_state(const Model *model, State *state);
