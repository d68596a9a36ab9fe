/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View rig
 *
 * A state with one namespace and the views of it, for tests of what readers see. A fixture of GLib's tests.
 */

#include "client/view-reader.h"
#include "view/views.h"

#include <glib.h>

#define NAME "a.b"

typedef struct ViewRig {
        sd_event *event;
        State *state;
        Limits limits;
        Views *views;
        GString *ready; /* names that on_ready() was called with */
        uint64_t revision;
} ViewRig;

void view_rig_set_up(ViewRig *rig, gconstpointer unused);
void view_rig_tear_down(ViewRig *rig, gconstpointer unused);

Namespace *view_rig_ns(const ViewRig *rig);

/* @commit is consumed. */
void view_rig_apply(const ViewRig *rig, Commit *commit);
Commit *view_rig_commit(ViewRig *rig, const char *key, const char *text);
void view_rig_put(ViewRig *rig, const char *key, const char *text);

/* So many keys in one commit. */
void view_rig_fill(ViewRig *rig, unsigned n, size_t value_bytes);

/* Runs what is due at once, and what became of it. */
void view_rig_run(const ViewRig *rig);

/* As views_open() says. */
int view_rig_open_as(const ViewRig *rig, uint32_t uid, ViewReader *ret_reader);

/* Waits for it. */
ViewReader view_rig_open(const ViewRig *rig);

/* @expected NULL: it is not there. */
void view_rig_assert_sees(const ViewReader *reader, const char *key, const char *expected);

/* All of what readers of the state see is there, and nothing else. */
void view_rig_assert_whole(const ViewRig *rig, const ViewReader *reader);
void view_rig_assert_counts(const ViewRig *rig, uint64_t n_namespaces, uint64_t n_editions);
