/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Quick changes
 *
 * The arguments of Set, Delete and Apply, read from a frame. What is not plain, or would be refused, is left to
 * bus/change-reader.h, which knows all there is and has the words for it.
 */

#include "core/change-set.h"
#include "wire/frame.h"

#include <systemd/sd-bus.h>

typedef struct QuickMethod {
        const char *member, *signature;
        sd_bus_message_handler_t
                handler; /* the method itself, for when it is not that quick after all */
        ChangeSetFlags flags;
        bool (*read)(WireCursor *cursor, ChangeSet *set, NamespaceWish *wish, const Limits *limits);
        int (*append)(WireCursor *cursor, sd_bus_message *m);
        bool replies_with_result; /* "ta{sv}", else "t" */
} QuickMethod;

/* The method that @frame calls; NULL when it is none of these. */
const QuickMethod *quick_method_find(const WireFrame *frame);

/* What it is to change in namespace @name; NULL when it is not plain. */
ChangeSet *quick_change_read(const QuickMethod *method,
                             const WireFrame *frame,
                             const char *name,
                             const Limits *limits);
