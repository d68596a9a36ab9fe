/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Confirmation
 *
 * What regentd answers to a change that it will undo unless it is confirmed, and how that is told; and
 * the changes that wait.
 */

#include "bus.h"
#include "output.h"
#include "sheet.h"

typedef struct Confirmation {
        char token[64]; /* empty: none is needed */
        uint64_t deadline_usec;
} Confirmation;

/* From the result (a{sv}) of Apply. */
void confirmation_read(GVariant *result, Confirmation *ret);

/*
 * How to confirm, to standard error, and the token bare to standard output for scripts; on a terminal,
 * where the first is seen, the second is left out. Nothing when none is needed.
 */
void confirmation_report(const Confirmation *confirmation, const Options *options, Output *output);

/* Adds token and deadline. */
void confirmation_add(const Confirmation *confirmation, json_object *document);

/* The changes that wait, an a{sv}; those that there is no room for in one reply are left out. */
gboolean confirmation_list(Bus *bus, GVariant **ret_changes, Failure **reterr);
void confirmation_show_list(GVariant *changes, Sheet *sheet);
json_object *confirmation_list_document(GVariant *changes);
