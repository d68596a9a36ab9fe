/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Quick changes
 */

#include "bus/quick-change.h"

#include "bus/namespace-writes.h"
#include "bus/value-codec.h"
#include "client/regent-names.h"

#include <string.h>

static bool add_value(WireCursor *cursor,
                      const char *key,
                      ChangeSet *set,
                      NamespaceWish *wish,
                      const Limits *limits)
{
        g_autoptr(GVariant) value = wire_get_value(cursor);
        g_autofree char *text = NULL;

        return value && !cursor->is_broken &&
               change_set_set(set, wish, limits, key, value, &text) == 0;
}

static bool add_unset(const char *key, ChangeSet *set, NamespaceWish *wish, const Limits *limits)
{
        g_autofree char *text = NULL;

        return change_set_unset(set, wish, limits, key, &text) == 0;
}

static bool read_set(WireCursor *cursor, ChangeSet *set, NamespaceWish *wish, const Limits *limits)
{
        const char *key = wire_get_string(cursor);

        return add_value(cursor, key, set, wish, limits);
}

static int append_set(WireCursor *cursor, sd_bus_message *m)
{
        const char *key = wire_get_string(cursor);
        g_autoptr(GVariant) value = wire_get_value(cursor);
        int r;

        r = sd_bus_message_append_basic(m, 's', key);
        return r < 0 ? r : value_codec_append(m, value);
}

static bool read_delete(WireCursor *cursor,
                        ChangeSet *set,
                        NamespaceWish *wish,
                        const Limits *limits)
{
        return add_unset(wire_get_string(cursor), set, wish, limits);
}

static int append_delete(WireCursor *cursor, sd_bus_message *m)
{
        return sd_bus_message_append_basic(m, 's', wire_get_string(cursor));
}

static void classify(NamespaceWish *wish, EntryClass class)
{
        for (guint i = 0; i < wish->entries->len; i++) {
                Entry *entry = wish->entries->pdata[i];

                if (!entry_is_tombstone(entry))
                        entry->class = (uint8_t) class;
        }
}

/* Of the options one alone is plain: "class", but for that of sessions. */
static bool read_options(WireCursor *cursor, NamespaceWish *wish)
{
        size_t end = wire_get_array(cursor, 8);
        const char *name;
        int r;

        if (!wire_array_goes_on(cursor, end, 8))
                return true;
        if (strcmp(wire_get_string(cursor), "class") != 0 ||
            strcmp(wire_get_signature(cursor), "s") != 0)
                return false;

        name = wire_get_string(cursor);
        if (wire_array_goes_on(cursor, end, 8))
                return false;

        r = entry_class_from_name(name);
        if (r < 0 || r == ENTRY_SESSION)
                return false;
        classify(wish, (EntryClass) r);
        return true;
}

static bool read_apply(WireCursor *cursor,
                       ChangeSet *set,
                       NamespaceWish *wish,
                       const Limits *limits)
{
        size_t end = wire_get_array(cursor, 8);

        while (wire_array_goes_on(cursor, end, 8))
                if (!add_value(cursor, wire_get_string(cursor), set, wish, limits))
                        return false;

        end = wire_get_array(cursor, 4);
        while (wire_array_goes_on(cursor, end, 4))
                if (!add_unset(wire_get_string(cursor), set, wish, limits))
                        return false;

        return wire_get_uint64(cursor) == 0 && read_options(cursor, wish);
}

/* An a{sv}. */
static int append_dictionary(WireCursor *cursor, sd_bus_message *m)
{
        size_t end = wire_get_array(cursor, 8);
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        while (r >= 0 && wire_array_goes_on(cursor, end, 8)) {
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = append_set(cursor, m);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_apply(WireCursor *cursor, sd_bus_message *m)
{
        size_t end;
        int r;

        r = append_dictionary(cursor, m);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        end = wire_get_array(cursor, 4);
        while (r >= 0 && wire_array_goes_on(cursor, end, 4))
                r = append_delete(cursor, m);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", wire_get_uint64(cursor));
        return r < 0 ? r : append_dictionary(cursor, m);
}

static const QuickMethod methods[] = {
        { "Set", "sv", namespace_method_set, 0, read_set, append_set, false },
        { "Delete", "s", namespace_method_delete, CHANGE_SET_CHANGE_ONLY, read_delete,
          append_delete, false },
        { "Apply", "a{sv}asta{sv}", namespace_method_apply, 0, read_apply, append_apply, true },
};

const QuickMethod *quick_method_find(const WireFrame *frame)
{
        if (!frame->member || g_strcmp0(frame->interface_name, REGENT_NAMESPACE_INTERFACE) != 0)
                return NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
                if (strcmp(frame->member, methods[i].member) == 0)
                        return strcmp(frame->signature, methods[i].signature) == 0 ? &methods[i]
                                                                                   : NULL;

        return NULL;
}

ChangeSet *quick_change_read(const QuickMethod *method,
                             const WireFrame *frame,
                             const char *name,
                             const Limits *limits)
{
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_ENTRIES);
        g_autofree char *text = NULL;
        NamespaceWish *wish;
        WireCursor cursor;

        set->flags = method->flags;
        if (change_set_add_namespace(set, name, &wish, &text) != 0)
                return NULL;

        wire_cursor_init(&cursor, frame);
        if (!method->read(&cursor, set, wish, limits) || !wire_cursor_end(&cursor))
                return NULL;
        return g_steal_pointer(&set);
}
