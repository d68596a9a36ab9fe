/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch publisher
 *
 * Tells those who watch of each commit, in order and never two in one. HACKING.md, "The way of a
 * change to those who watch", says how.
 */

#include "bus/bus-service.h"
#include "core/commit.h"

#include <glib.h>

/* Borrows @service. What is in the state already counts as told. */
WatchPublisher *watch_publisher_new(BusService *service);
WatchPublisher *watch_publisher_free(WatchPublisher *publisher);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WatchPublisher, watch_publisher_free)

/* The pipeline's applying() and applied(). */
void watch_publisher_applying(WatchPublisher *publisher, const Commit *commit);
void watch_publisher_applied(WatchPublisher *publisher, const Commit *commit);

/* @ns has another declaration now, or none, without a commit. */
void watch_publisher_declared(WatchPublisher *publisher, Namespace *ns);
