/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transaction: from text
 *
 * {"org.example.Router": {"set": {"mtu": {"type": "u", "data": 1500}}, "unset": ["x"],
 *                         "expect": {"mtu": 12}, "class": "runtime"}}
 *
 * A namespace may also have a "release", of the kernel that its changes are for.
 */

#include "transaction.h"

#include "value-json.h"

#include <string.h>

/* Where what is being read goes. */
typedef struct Target {
        Transaction *transaction;
        TransactionNamespace *ns;
} Target;

static const char *find_class(const char *text)
{
        static const char *const classes[] = { "persistent", "kernel", "runtime" };

        for (size_t i = 0; i < G_N_ELEMENTS(classes); i++)
                if (strcmp(text, classes[i]) == 0)
                        return classes[i];
        return NULL;
}

static bool read_class(json_object *json, const char **ret_class, Failure **reterr)
{
        if (!json_object_is_type(json, json_type_string))
                return failure_set(reterr, EXIT_INVALID, "expected a class");

        if (strcmp(json_object_get_string(json), "session") == 0)
                return failure_set(reterr, EXIT_REFUSED,
                                   "what is of class session goes with the connection that sets "
                                   "it, and regentctl's own ends right away");
        *ret_class = find_class(json_object_get_string(json));
        if (!*ret_class)
                return failure_set(reterr, EXIT_INVALID, "'%s' is no class",
                                   json_object_get_string(json));
        return true;
}

static gboolean read_value(const char *key, json_object *json, void *userdata, Failure **reterr)
{
        const Target *target = userdata;
        g_autoptr(GVariant) value = NULL;
        const char *entry_class = NULL;
        json_object *class;

        if (json_object_is_type(json, json_type_object) &&
            json_object_object_get_ex(json, "class", &class)) {
                if (!read_class(class, &entry_class, reterr))
                        return false;
                json_object_object_del(json, "class");
        }
        if (!value_json_to_variant(json, &value, reterr))
                return false;

        transaction_set(target->transaction, target->ns, key, value, entry_class);
        return true;
}

static gboolean read_unset(const Target *target, json_object *json, Failure **reterr)
{
        size_t n = json_object_is_type(json, json_type_array) ? json_object_array_length(json) : 0;

        if (!json_object_is_type(json, json_type_array))
                return failure_set(reterr, EXIT_INVALID, "expected an array of keys");

        for (size_t i = 0; i < n; i++) {
                json_object *key = json_object_array_get_idx(json, i);

                if (!json_object_is_type(key, json_type_string))
                        return failure_set(reterr, EXIT_INVALID, "expected an array of keys");
                transaction_unset(target->transaction, target->ns, json_object_get_string(key));
        }

        return true;
}

static gboolean read_expectation(const char *key,
                                 json_object *revision,
                                 void *userdata,
                                 Failure **reterr)
{
        const Target *target = userdata;

        if (!json_object_is_type(revision, json_type_int) || json_object_get_int64(revision) < 0)
                return failure_set(reterr, EXIT_INVALID, "expected a revision");

        transaction_expect(target->ns, key, json_object_get_uint64(revision));
        return true;
}

static bool read_release(TransactionNamespace *ns, json_object *json, Failure **reterr)
{
        if (!json_object_is_type(json, json_type_string))
                return failure_set(reterr, EXIT_INVALID, "expected the release of a kernel");

        g_free(ns->release);
        ns->release = g_strdup(json_object_get_string(json));
        return true;
}

static gboolean read_member(const char *name, json_object *json, void *userdata, Failure **reterr)
{
        Target *target = userdata;
        const char *entry_class = NULL;

        if (strcmp(name, "set") == 0)
                return value_json_read_members(json, "an object of values", read_value, target,
                                               reterr);
        if (strcmp(name, "unset") == 0)
                return read_unset(target, json, reterr);
        if (strcmp(name, "expect") == 0)
                return value_json_read_members(json, "an object of revisions", read_expectation,
                                               target, reterr);
        if (strcmp(name, "release") == 0)
                return read_release(target->ns, json, reterr);
        if (strcmp(name, "class") != 0)
                return failure_set(
                        reterr, EXIT_INVALID,
                        "it may be \"set\", \"unset\", \"expect\", \"class\" or \"release\"");

        if (!read_class(json, &entry_class, reterr))
                return false;
        target->ns->entry_class = g_strdup(entry_class);
        return true;
}

static gboolean read_namespace(const char *name,
                               json_object *json,
                               void *userdata,
                               Failure **reterr)
{
        Target target = { .transaction = userdata };

        target.ns = transaction_add_namespace(target.transaction, name);
        return value_json_read_members(json, "an object", read_member, &target, reterr);
}

gboolean transaction_parse(const char *text,
                           size_t n_bytes,
                           Transaction **ret_transaction,
                           Failure **reterr)
{
        g_autoptr(Transaction) transaction = transaction_new();
        json_object *document = NULL;
        bool is_read;

        if (!value_json_parse(text, n_bytes, &document, reterr))
                return false;
        is_read = value_json_read_members(document, "an object of namespaces", read_namespace,
                                          transaction, reterr);
        json_object_put(document);
        if (!is_read)
                return false;

        *ret_transaction = g_steal_pointer(&transaction);
        return true;
}
