/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Dump
 *
 * What namespaces hold, as it is read from regentd or from a file. The file is JSON with one entry a
 * line, everything in the order of its bytes, so that two of them can be compared line by line.
 */

#include "failure.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct DumpEntry {
        char *key;
        GVariant *value;
        const char *memory_class; /* "runtime" or "session"; NULL: persistent, or kernel */
        char *release;            /* of the kernel it is for: of class kernel; NULL: for any */
        uint64_t revision;        /* of the commit that wrote it; 0: from a file, or a default */
} DumpEntry;

typedef struct DumpAccess {
        char *owner; /* name or number; NULL: not said */
        char *group; /* likewise, or "none" */
        uint32_t mode;
        bool has_mode;
        uint64_t quota_keys; /* 0: as configured */
        uint64_t quota_bytes;
} DumpAccess;

typedef struct DumpNamespace {
        char *name;
        DumpAccess access;
        GPtrArray *entries; /* of DumpEntry, sorted by release and key */
        uint64_t revision;  /* of the service, that the entries belong to; 0: from a file */
        bool is_absent;     /* there is no such namespace; then it is empty */
} DumpNamespace;

typedef struct Dump {
        uint64_t revision;
        GPtrArray *namespaces; /* of DumpNamespace, sorted by name */
} Dump;

Dump *dump_new(void);
Dump *dump_free(Dump *dump);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Dump, dump_free)

DumpNamespace *dump_namespace_new(const char *name);
DumpNamespace *dump_namespace_free(DumpNamespace *ns);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DumpNamespace, dump_namespace_free)

/* Takes @ns. In any order; sort when all are there. */
void dump_add(Dump *dump, DumpNamespace *ns);
void dump_sort(Dump *dump);

/* NULL when it is not in there. Borrowed. */
DumpNamespace *dump_find(const Dump *dump, const char *name);

/* At the end, in any order; sort when all are there. Borrowed. */
DumpEntry *dump_namespace_add(DumpNamespace *ns,
                              const char *key,
                              GVariant *value,
                              const char *memory_class);

/* @name as DumpEntry.memory_class, which outlives it, and is the same for the same. */
const char *dump_memory_class(const char *name);

/* Whether it is of class session: it is told of, and never written. */
bool dump_entry_is_session(const DumpEntry *entry);
void dump_namespace_sort(DumpNamespace *ns);

/* The order of entries: by release, first those of none, and by key. */
int dump_entry_compare(const DumpEntry *a, const DumpEntry *b);

/* Of no release; NULL when there is no such key. Borrowed. */
const DumpEntry *dump_namespace_find(const DumpNamespace *ns, const char *key);

/*
 * Takes out all of @memory_class but keys that are in @kept (NULL: none is), and returns how many they
 * were.
 */
uint64_t dump_leave_out(Dump *dump, const char *memory_class, const Dump *kept);

/* Reads the text of a file. EXIT_INVALID names what is wrong with it. */
gboolean dump_parse(const char *text, size_t n_bytes, Dump **ret_dump, Failure **reterr);

/* The text of a file; @is_one_line: without line breaks but the last. */
char *dump_print(const Dump *dump, bool is_one_line);
