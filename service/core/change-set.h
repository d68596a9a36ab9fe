/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Change set
 *
 * What one caller asks for, checked as far as that needs no state: names, types, sizes and the
 * limits of a commit. The pipeline turns it into a Commit.
 */

#include "core/commit.h"
#include "core/durability.h"
#include "core/entry.h"
#include "core/limits.h"
#include "core/namespace.h"
#include "core/outcome.h"
#include "core/state.h"

#include <glib.h>
#include <stdint.h>

typedef enum ChangeSetKind {
        CHANGE_SET_ENTRIES,
        CHANGE_SET_CREATE_NAMESPACE,
        CHANGE_SET_REMOVE_NAMESPACE,
        CHANGE_SET_ACCESS,
        CHANGE_SET_RESTORE,     /* touches every namespace */
        CHANGE_SET_SETTLE,      /* confirms or undoes a change that waits for a confirmation */
        CHANGE_SET_END_SESSION, /* deletes what a session has; touches any namespace */
        CHANGE_SET_NOTHING,     /* changes nothing, and is done when all before it is durable */
} ChangeSetKind;

/* The first three are the interface's own numbers. */
typedef enum ChangeSetFlags {
        CHANGE_SET_DRY_RUN = 1 << 0,
        CHANGE_SET_CREATE_ONLY = 1 << 1, /* CORE_E_KEY_EXISTS where a key is set already */
        CHANGE_SET_CHANGE_ONLY = 1 << 2, /* CORE_E_NO_SUCH_KEY where a key is not set */
        CHANGE_SET_NOT_EMPTY = 1 << 3,   /* of REMOVE_NAMESPACE: also with entries in it */
        CHANGE_SET_DECLARED = 1 << 4, /* of the administrator's files: no limit of a uid stops it */
        CHANGE_SET_IN_ANY_CASE = 1 << 5, /* of ACCESS: a commit, even if that is so already */
} ChangeSetFlags;

typedef struct Expectation {
        char *key;
        uint64_t revision; /* 0: the key is not set */
} Expectation;

#define CONFIRMATION_TOKEN_BYTES 32u /* in hexadecimal */

/* That a change is to be undone unless it is confirmed; see core/pending-change.h. */
typedef struct ConfirmationWish {
        uint64_t deadline_usec;
        uint8_t boot_id[16];
        uint8_t digest[PENDING_DIGEST_BYTES];
        char token[CONFIRMATION_TOKEN_BYTES + 1]; /* for the writer alone */
} ConfirmationWish;

/* What stands around a key in a message, and what aligns it, at most. */
#define CHANGE_SET_FRAME_BYTES 32u

/* The part of a change set that concerns one namespace. */
typedef struct NamespaceWish {
        char *name;           /* behind it, in the same piece of memory */
        GPtrArray *entries;   /* owned Entry: to set or, a tombstone, to delete */
        GArray *expectations; /* Expectation; NULL: none */
        GHashTable *keys;     /* borrowed keys of @entries, once there are many */
        char *release; /* that all of it is about; "": entries of none; NULL: see core/placement.h */
        /* Of the namespace the caller was authorized for. It may have another access, or be another
         * one of the same name, when the request's turn comes. */
        uint64_t created_revision; /* 0: any will do */
        uint64_t access_revision;  /* 0: there was none */
} NamespaceWish;

typedef struct ChangeSet {
        ChangeSetKind kind;
        ChangeSetFlags flags;
        Durability durability; /* of ENTRIES */
        uint32_t writer_uid;
        char *reason;  /* NULL: none given */
        char *session; /* that writes, or of END_SESSION ends; NULL: none that is of a matter */
        GPtrArray *namespaces; /* owned NamespaceWish */
        NamespaceAccess access;
        AccessFields access_fields;
        State *source; /* of RESTORE, owned: used up when its turn comes */
        CommitSource source_identity;
        ConfirmationWish *confirmation; /* of ENTRIES, owned; NULL: none is needed */
        CommitSettlement settlement;    /* the next three of SETTLE */
        uint64_t settles;
        bool is_other_boot; /* what was in memory only has gone in the meantime */
        size_t n_changes;
        uint64_t n_bytes;         /* of all keys and values */
        uint64_t n_message_bytes; /* what all of it takes in the message it came in */
} ChangeSet;

ChangeSet *change_set_new(ChangeSetKind kind);
ChangeSet *change_set_free(ChangeSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChangeSet, change_set_free)

/*
 * The functions below return 0 or an Outcome, with @reterr_text saying what is wrong with what.
 */

/* Adds a namespace; a name can be added once. @ret_wish is borrowed. */
int change_set_add_namespace(ChangeSet *set,
                             const char *name,
                             NamespaceWish **ret_wish,
                             char **reterr_text);

/* @value is in normal form and of types that value_type_is_valid() takes. */
int change_set_set(ChangeSet *set,
                   NamespaceWish *wish,
                   const Limits *limits,
                   const char *key,
                   GVariant *value,
                   char **reterr_text);

int change_set_unset(ChangeSet *set,
                     NamespaceWish *wish,
                     const Limits *limits,
                     const char *key,
                     char **reterr_text);

int change_set_expect(ChangeSet *set,
                      NamespaceWish *wish,
                      const Limits *limits,
                      const char *key,
                      uint64_t revision,
                      char **reterr_text);

/* What @key is to be set as; all others are ENTRY_AS_SEEN. */
int change_set_classify(NamespaceWish *wish, const char *key, EntryClass class, char **reterr_text);

/* That all of @wish, once it is complete, is about entries of @release; "": of none. */
int change_set_set_release(NamespaceWish *wish, const char *release, char **reterr_text);

/* Who writes what is of class session; see core/session.h. */
void change_set_set_session(ChangeSet *set, const char *session);

int change_set_set_reason(ChangeSet *set, const char *reason, char **reterr_text);
int change_set_set_mode(ChangeSet *set, uint32_t mode, char **reterr_text);
