/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Edit file
 *
 * A text in a directory of its own that nobody else may enter, and the editor of whoever runs this.
 */

#include "failure.h"
#include "interrupt.h"

#include <stdbool.h>

typedef struct EditFile EditFile;

/* @name: of the file. Below $XDG_RUNTIME_DIR, or /tmp. */
gboolean edit_file_new(const char *name, const char *text, EditFile **ret_file, Failure **reterr);

/* Removes the file, unless it is to be kept. */
EditFile *edit_file_free(EditFile *file);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EditFile, edit_file_free)

/* $VISUAL, $EDITOR, or what there is; waits for it, and gives the text as it is then. */
gboolean edit_file_run(EditFile *file,
                       Interrupt *interrupt,
                       GBytes **ret_text,
                       bool *ret_is_changed,
                       Failure **reterr);

/* What somebody wrote is not thrown away: the file stays, if it was changed, and the hint of @failure says where. */
void edit_file_keep(EditFile *file, Failure *failure);
