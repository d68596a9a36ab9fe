/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dump: taken from regentd
 *
 * Each namespace is read as it was at one revision: when something changed it between two pages, it is
 * read again. Defaults of declared namespaces are no entries and are left out.
 */

#include "context.h"
#include "dump.h"
#include "namespace-facts.h"

/*
 * One namespace, with its access, and hidden entries too. EXIT_CONFLICT when it changes all the time.
 */
gboolean dump_take_namespace(Context *context,
                             const char *name,
                             DumpNamespace **ret_ns,
                             Failure **reterr);

/* The same of what readers see alone, as if all were of no release. */
gboolean dump_take_seen(Context *context,
                        const char *name,
                        DumpNamespace **ret_ns,
                        Failure **reterr);

/* As dump_take_namespace(), but a namespace that is not there (or may not be read) gives one that is_absent. */
gboolean dump_take_if_there(Context *context,
                            const char *name,
                            DumpNamespace **ret_ns,
                            Failure **reterr);

/* Those named, or all that may be read when @names is empty; many at a time. */
gboolean dump_take(Context *context, char **names, Dump **ret_dump, Failure **reterr);

/* All of @names; those that are not there become absent ones. */
gboolean dump_take_present(Context *context, char **names, Dump **ret_dump, Failure **reterr);

/*
 * Only some keys, those that are there; defaults of a declared namespace, too. @release: what they
 * have for that kernel, "": for none, NULL: what is seen.
 */
gboolean dump_take_keys(Context *context,
                        const char *name,
                        const char *release,
                        const GPtrArray *keys,
                        DumpNamespace **ret_ns,
                        Failure **reterr);

/* What a namespace that has all its entries still needs: its access, and to be sorted. */
void dump_take_finish(DumpNamespace *ns, const NamespaceFacts *facts);

/* An absent namespace, when that is what @failure says; else NULL. */
DumpNamespace *dump_take_absent(const char *name, const Failure *failure);

/* Adds a reply of GetMany with form=entries; *ret_n_entries: how many it had, may be NULL. */
gboolean dump_take_page(DumpNamespace *ns,
                        GVariant *reply,
                        size_t *ret_n_entries,
                        Failure **reterr);
