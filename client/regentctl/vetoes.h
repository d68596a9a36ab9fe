/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Vetoes
 *
 * Who would refuse a change, as the dry run of Apply answers it, and how that is told.
 */

#include "output.h"

typedef struct Vetoes Vetoes;

/* Adds those in the result (a{sv}) of an Apply. *@vetoes stays NULL while nobody refuses. */
void vetoes_take(Vetoes **vetoes, GVariant *result);
Vetoes *vetoes_free(Vetoes *vetoes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vetoes, vetoes_free)

/* A line for each; none of NULL. */
void vetoes_print(const Vetoes *vetoes, Output *output);

/* An array of objects; empty of NULL. */
json_object *vetoes_to_json(const Vetoes *vetoes);
