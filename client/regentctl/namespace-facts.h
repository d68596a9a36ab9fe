/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Facts of a namespace
 *
 * Its properties on the bus, and how they are printed.
 */

#include "bus.h"
#include "sheet.h"

#include <json-c/json.h>

typedef struct NamespaceFacts {
        char *name;
        char *declaration; /* path of the file that declares it, or "" */
        uint32_t owner;
        uint32_t group;
        uint32_t mode;
        uint64_t revision;
        uint64_t n_keys;   /* hidden ones too */
        uint64_t n_hidden; /* that readers do not see */
        char **releases;   /* of kernels, that it has keys for */
        uint64_t n_bytes;
        uint64_t quota_keys;
        uint64_t quota_bytes;
} NamespaceFacts;

/* @properties: an a{sv}. */
NamespaceFacts *namespace_facts_new(const char *ns_name, GVariant *properties);
NamespaceFacts *namespace_facts_free(NamespaceFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(NamespaceFacts, namespace_facts_free)

gboolean namespace_facts_read(Bus *bus,
                              const char *ns_name,
                              NamespaceFacts **ret_facts,
                              Failure **reterr);

/*
 * Those of many, in the order of @ns_names; several calls are under way at once. One that is gone meanwhile, or that
 * may not be read any more, is left out with @is_lenient.
 */
gboolean namespace_facts_read_many(Bus *bus,
                                   const char *const *ns_names,
                                   bool is_lenient,
                                   GPtrArray **ret_facts,
                                   Failure **reterr);

json_object *namespace_facts_document(const NamespaceFacts *facts);

/* Who may do what, and how much. */
void namespace_facts_add_access(const NamespaceFacts *facts, Sheet *sheet);

/* "1.5M", as people read it; what is no multiple is rounded. */
char *namespace_facts_size(uint64_t n_bytes);
