/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Load: into a state directory
 */

#include "load-offline.h"

#include "account-names.h"
#include "client/regent-names.h"
#include "client/regent-store-stream.h"

#include <string.h>

/* As large as those that a regentd is sent. */
#define COMMIT_CHANGES_MAX    4000u
#define COMMIT_BYTES_MAX      (2u << 20)
#define COMMIT_NAMESPACES_MAX 256u

/* A message has names, too. */
#define CHANGE_BYTES_MAX (REGENT_STORE_MESSAGE_BYTES_MAX - (64u << 10))

#define MODE_STANDARD 0644

typedef struct Commit {
        uint64_t n_changes, n_bytes, n_namespaces; /* so far */
} Commit;

/* Names were checked before. */
static uint32_t id_of(const char *text,
                      gboolean (*find)(const char *, uint32_t *, Failure **),
                      uint32_t standard)
{
        g_autoptr(Failure) failure = NULL;
        uint32_t id;

        return text && find(text, &id, &failure) ? id : standard;
}

static void put_creation(Offline *offline, const DumpNamespace *ns)
{
        const DumpAccess *access = &ns->access;

        offline_put(offline, REGENT_STORE_CREATE,
                    g_variant_new(REGENT_STORE_CREATE_TYPE, ns->name,
                                  id_of(access->owner, account_user_id, 0),
                                  id_of(access->group, account_group_id, REGENT_NO_GROUP),
                                  access->has_mode ? access->mode : (uint32_t) MODE_STANDARD,
                                  access->quota_keys, access->quota_bytes));
}

static void put_commit(Offline *offline, Commit *commit, const char *reason)
{
        if (commit->n_changes > 0)
                offline_put(offline, REGENT_STORE_COMMIT, g_variant_new_string(reason));
        *commit = (Commit){};
}

static void put_change(Offline *offline,
                       const TransactionNamespace *ns,
                       const TransactionChange *change)
{
        const char *release = ns->release ? ns->release : "";

        if (!change->value)
                offline_put(offline, REGENT_STORE_UNSET,
                            g_variant_new(REGENT_STORE_UNSET_TYPE, ns->name, release, change->key));
        else
                offline_put(offline, REGENT_STORE_SET,
                            g_variant_new(REGENT_STORE_SET_TYPE, ns->name, release, change->key,
                                          change->value,
                                          change->entry_class ? change->entry_class : ""));
}

static void put_namespace(Offline *offline,
                          const TransactionNamespace *ns,
                          bool is_one_commit,
                          const char *reason,
                          Commit *commit)
{
        for (guint i = 0; i < ns->changes->len; i++) {
                const TransactionChange *change = ns->changes->pdata[i];
                uint64_t n_bytes = transaction_change_bytes(change);

                if (!is_one_commit && (commit->n_changes >= COMMIT_CHANGES_MAX ||
                                       commit->n_bytes + n_bytes > COMMIT_BYTES_MAX ||
                                       commit->n_namespaces >= COMMIT_NAMESPACES_MAX))
                        put_commit(offline, commit, reason);
                if (i == 0 || commit->n_changes == 0)
                        commit->n_namespaces++;
                commit->n_changes++;
                commit->n_bytes += n_bytes;
                put_change(offline, ns, change);
        }
}

/* One is of one release of a namespace. */
static bool is_same_name(const TransactionNamespace *a, const TransactionNamespace *b)
{
        return strcmp(a->name, b->name) == 0;
}

static gboolean check_one_commit(const Transaction *transaction, Failure **reterr)
{
        for (guint i = 1; i < transaction->namespaces->len; i++) {
                const TransactionNamespace *ns = transaction->namespaces->pdata[i];

                if (is_same_name(transaction->namespaces->pdata[i - 1], ns))
                        return failure_set(reterr, EXIT_REFUSED,
                                           "%s: what is of several kernel releases cannot be in "
                                           "one commit",
                                           ns->name);
        }
        return TRUE;
}

/* What is larger does not even get there, and it is better to know before anything is committed. */
static gboolean check_sizes(const Transaction *transaction, Failure **reterr)
{
        for (guint i = 0; i < transaction->namespaces->len; i++) {
                const TransactionNamespace *ns = transaction->namespaces->pdata[i];

                for (guint j = 0; j < ns->changes->len; j++) {
                        const TransactionChange *change = ns->changes->pdata[j];

                        if (transaction_change_bytes(change) > CHANGE_BYTES_MAX)
                                return failure_set(reterr, EXIT_INVALID,
                                                   "%s: '%s' is larger than any value that can be "
                                                   "kept",
                                                   ns->name, change->key);
                }
        }
        return TRUE;
}

gboolean load_offline(Offline *offline,
                      const GPtrArray *missing,
                      const Transaction *transaction,
                      bool is_one_commit,
                      const char *reason,
                      UploadResult *ret_result,
                      Failure **reterr)
{
        g_autoptr(GVariant) done = NULL;
        Commit commit = {};

        if ((is_one_commit && !check_one_commit(transaction, reterr)) ||
            !check_sizes(transaction, reterr))
                return FALSE;

        for (guint i = 0; i < missing->len; i++)
                put_creation(offline, missing->pdata[i]);
        for (guint i = 0; i < transaction->namespaces->len; i++) {
                const TransactionNamespace *ns = transaction->namespaces->pdata[i];

                if (i > 0 && is_same_name(transaction->namespaces->pdata[i - 1], ns))
                        put_commit(offline, &commit, reason ? reason : "");
                put_namespace(offline, ns, is_one_commit, reason ? reason : "", &commit);
        }
        put_commit(offline, &commit, reason ? reason : "");
        offline_put(offline, REGENT_STORE_END, g_variant_new_boolean(TRUE));

        if (!offline_get_one(offline, REGENT_STORE_DONE, REGENT_STORE_DONE_TYPE, &done, reterr))
                return FALSE;
        *ret_result = (UploadResult){};
        g_variant_lookup(done, "revision", "t", &ret_result->revision);
        g_variant_lookup(done, "commits", "t", &ret_result->n_commits);
        return TRUE;
}
