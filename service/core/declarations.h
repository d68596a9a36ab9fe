/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declarations
 *
 * The declarations that are in force, by the names of their namespaces.
 */

#include "core/declaration.h"

#include <glib.h>

typedef struct Declarations Declarations;

Declarations *declarations_new(void);
Declarations *declarations_free(Declarations *declarations);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Declarations, declarations_free)

/* Takes @declaration, in place of another of @name. */
void declarations_put(Declarations *declarations, const char *name, Declaration *declaration);

/* Borrows; NULL when there is none. */
Declaration *declarations_lookup(const Declarations *declarations, const char *name);

guint declarations_count(const Declarations *declarations);

/* name -> Declaration, in the order of names; not to be changed. */
GTree *declarations_all(Declarations *declarations);
