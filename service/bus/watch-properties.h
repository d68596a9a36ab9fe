/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Properties of who watches
 *
 * The PropertiesChanged of Values for namespaces that not everyone may read: it goes to each
 * connection that watches them, once a batch and with what its watches cover. So clients that keep
 * properties, as GDBusProxy does, need no more than a watch to work there.
 */

#include "bus/watches.h"
#include "core/namespace.h"

#include <glib.h>

/* What @commits (Commit), a batch that is part of the state now, left of keys. */
void watch_properties_publish(const BusService *service, const GPtrArray *commits);

/* Something has left @entries (Entry, or tombstones), of each key the last; they are put in order. */
void watch_properties_announce(const BusService *service, Namespace *ns, GPtrArray *entries);

/* Other defaults are declared. Nothing for a public one. */
void watch_properties_invalidate(BusService *service, Namespace *ns);

/* @watcher reads again, or a watch of it goes on: what it missed is named as invalidated. */
void watch_properties_go_on(BusService *service, Watcher *watcher);
