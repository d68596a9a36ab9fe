/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Change reader
 *
 * Reads the change sets of calls out of their messages. All functions return 0 or a negative errno
 * with @reterr_bus set.
 */

#include "core/change-set.h"

#include <systemd/sd-bus.h>

typedef struct Caller Caller;

typedef struct ChangeReader {
        ChangeSet *set;
        const Limits *limits;
        Caller *caller;
        NamespaceWish *wish; /* the namespace that is being read */
        size_t n_elements;   /* that the values may still have; see bus/write.c */
        EntryClass class;    /* of what is set, unless it is classified by itself */
        const char *release; /* in the message: that the namespace's changes are about; or NULL */
        GPtrArray *classes;  /* owned ClassWish; keys are only known when all is read */
} ChangeReader;

void change_reader_init(ChangeReader *reader, ChangeSet *set, const Limits *limits);
void change_reader_clear(ChangeReader *reader);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ChangeReader, change_reader_clear)

/* Goes on with namespace @name. */
int change_reader_begin(ChangeReader *reader, const char *name, sd_bus_error *reterr_bus);

/* One "v" at the cursor, for @key. */
int change_reader_read_value(ChangeReader *reader,
                             sd_bus_message *m,
                             const char *key,
                             sd_bus_error *reterr_bus);

int change_reader_unset(ChangeReader *reader, const char *key, sd_bus_error *reterr_bus);

/* Namespace.Apply: a{sv} set, as unset, t flags, a{sv} options. */
int change_reader_read_apply(ChangeReader *reader, sd_bus_message *m, sd_bus_error *reterr_bus);

/* Manager.Apply: a{sv} changes, t flags, a{sv} options. */
int change_reader_read_apply_many(ChangeReader *reader,
                                  sd_bus_message *m,
                                  sd_bus_error *reterr_bus);
