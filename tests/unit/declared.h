/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declared
 *
 * Declarations in one line each. Values are GVariant text.
 */

#include "core/state.h"

/* Of the file "FILE", without rules. */
Declaration *declared_new(void);

/* Adds a rule for @name, with the default @text, which may be NULL, and its type. */
Rule *declared_add(Declaration *declaration, const char *name, const char *text);

/* Completes @declaration, which it takes, and makes it that of @name. */
void declared_put(State *state, const char *name, Declaration *declaration);
