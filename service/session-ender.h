/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Session ender
 *
 * Deletes what connections that have ended had of class session, a commit for each. What cannot be
 * deleted now, for the disk has failed or is full, is tried again, in the same order.
 */

#include "core/pipeline.h"
#include "core/state.h"

#include <systemd/sd-event.h>

typedef struct SessionEnder SessionEnder;

/* Borrows everything. */
int session_ender_new(SessionEnder **ret_ender, sd_event *event, State *state, Pipeline *pipeline);
SessionEnder *session_ender_free(SessionEnder *ender);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SessionEnder, session_ender_free)

/* @session (core/session.h) has ended: whatever it has submitted is sequenced already, or never will be. */
void session_ender_end(SessionEnder *ender, const char *session);

/* Calls @on_done, perhaps at once, when each that has ended so far is seen to, or was tried to be. */
typedef void (*SessionEnderDone)(void *userdata);
void session_ender_when_done(SessionEnder *ender, SessionEnderDone on_done, void *userdata);

/* What could not be written may be possible again. */
void session_ender_retry(SessionEnder *ender);
