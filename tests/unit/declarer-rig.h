/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Declarer rig
 *
 * A declarer over a scratch directory, and a pipeline whose journal says what the test wants. A fixture
 * of GLib's tests.
 */

#include "declarer.h"

#include <glib.h>

typedef struct DeclarerRig {
        char *directory;
        const char *directories[2];
        State *state;
        Limits limits;
        Pipeline *pipeline;
        Declarer *declarer;
        int journal_result;
        Origin *others; /* requests that are not the declarer's */
        GString *trace; /* "(other's) [the declarer's] declared done " */
} DeclarerRig;

void declarer_rig_set_up(DeclarerRig *f, gconstpointer unused);
void declarer_rig_tear_down(DeclarerRig *f, gconstpointer unused);

/* Writes the file that declares @name, or takes it away. The declarer looks at the next load. */
void declarer_rig_declare(const DeclarerRig *f, const char *name, const char *text);
void declarer_rig_withdraw(const DeclarerRig *f, const char *name);

/* What happened since the last time. */
void declarer_rig_assert_trace(DeclarerRig *f, const char *expected);

/* "done " or "canceled " comes into the trace. */
void declarer_rig_when_done(DeclarerRig *f);

/* Declares, loads, and waits for that. */
void declarer_rig_load(DeclarerRig *f, const char *name, const char *text);

/* Until nothing waits any more. */
void declarer_rig_run(DeclarerRig *f);

uint32_t declarer_rig_mode_of(const DeclarerRig *f, const char *name);
size_t declarer_rig_n_errors(const DeclarerRig *f);
const Declaration *declarer_rig_in_force(const DeclarerRig *f, const char *name);

/* Somebody else makes it. */
void declarer_rig_make_namespace(DeclarerRig *f, const char *name);

/* Leaves @set, of somebody else, with the journal. */
void declarer_rig_begin_other(DeclarerRig *f, ChangeSet *set, const char *expected);
