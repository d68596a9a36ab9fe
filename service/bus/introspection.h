/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Introspection
 *
 * Writes introspection XML as sd-bus writes it. Regent answers Introspect itself where what it says
 * depends on who asks; sd-bus can only tell everybody the same.
 */

#include <glib.h>
#include <systemd/sd-bus.h>

/* Everything below goes in between; children last. */
void introspection_begin(GString *xml);
void introspection_end(GString *xml);

/* Peer, Introspectable and Properties, which sd-bus adds to each object. */
void introspection_append_standard_interfaces(GString *xml);

/* ObjectManager, which it adds where there is one. */
void introspection_append_object_manager(GString *xml);

/* One interface, unless it is hidden. */
void introspection_append_vtable(GString *xml, const char *interface, const sd_bus_vtable *vtable);

/* One interface of properties that are no vtable's and announce their changes. */
void introspection_begin_interface(GString *xml, const char *interface);
void introspection_append_property(GString *xml,
                                   const char *name,
                                   const char *type,
                                   const char *access);
void introspection_end_interface(GString *xml);

/* A child, by the last element of its path. */
void introspection_append_child(GString *xml, const char *name);
