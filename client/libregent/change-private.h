/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Change sets inside
 *
 * change.c says what is in one, and applies it. Its arguments have three forms: bytes, for who waits; what is appended to
 * a message at once; and a GVariant, which can be kept until there is a link, and which everything fits into.
 */

#include "private.h"

/* Of one namespace. Tables are by key, and own what is in them. */
typedef struct Part {
        GHashTable *values;   /* NULL: to be removed */
        GHashTable *expected; /* this and the next: NULL while nothing is in it */
        GHashTable *classes;
        char *class_name;
        char *release;
} Part;

struct RegentChange {
        GHashTable *parts; /* by name of the namespace */
        char *class_name;
        char *reason;
        bool is_lazy;
        uint64_t confirm_timeout_usec;
        const char *failure; /* what cannot be sent */
};

/* With the place that a path needs. */
typedef struct Application {
        CallSpec spec;
        char path[NAMESPACE_PATH_SIZE];
        const RegentChange *change;
        const Part *part; /* NULL: it is the Manager's */
        uint64_t flags;
} Application;

/* The arguments of an Application. */
GVariant *change_build_arguments(const void *userdata);

/* Those of a part. */
void change_put_arguments(const void *userdata, struct WireBytes *bytes);
int change_append_arguments(const void *userdata, sd_bus_message *m);

/* Whether there is nothing in it that would have to be judged as a whole, before it is appended to a message. */
bool change_is_plain(const RegentChange *change, const Part *part);
