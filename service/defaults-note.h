/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Defaults note
 *
 * Declared defaults are part of what readers see, and no commit says when they change. So that a restart
 * can tell whether they did, the runtime directory, which lasts as long as a boot, keeps a note: of
 * each namespace that has or had defaults a checksum of them, and since which revision they are these.
 */

#include "core/state.h"

#include <glib.h>
#include <stdbool.h>

typedef struct DefaultsNote DefaultsNote;

/* Borrows @state. Reads and writes nothing yet. */
DefaultsNote *defaults_note_new(const char *runtime_directory, State *state);
DefaultsNote *defaults_note_free(DefaultsNote *note);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DefaultsNote, defaults_note_free)

/*
 * The declarations are in force for the first time; history goes on from the note. @is_new_history: of
 * before the start nothing counts. From then on the note is kept, always before anybody can see a change.
 */
void defaults_note_begin(DefaultsNote *note, bool is_new_history);
