/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Description
 */

#include "bus/description.h"

#include "bus/value-codec.h"
#include "core/namespace-walk.h"
#include "core/session.h"
#include "core/value.h"

#include <string.h>

/* A reply while it is written. */
typedef struct Description {
        sd_bus_message *reply;
        uint64_t
                n_bytes_left; /* for values, so that it does not become larger than a reply may be */
} Description;

static int append_entry(sd_bus_message *reply, Entry *entry)
{
        int r;

        if (!entry)
                return sd_bus_message_append(reply, "{sv}{sv}", "revision", "t", UINT64_C(0),
                                             "origin", "s", "unset");

        r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "type", "s", entry_type(entry), "size",
                                  "t", (uint64_t) entry->value_bytes, "revision", "t",
                                  entry->revision);
        if (r >= 0 && !entry_is_fallback(entry))
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "class", "s",
                                          entry_class_name(entry->class), "writer", "u",
                                          entry->writer_uid, "time", "t", entry->time_usec);
        if (r >= 0 && entry->class == ENTRY_KERNEL)
                r = sd_bus_message_append(reply, "{sv}", "release", "s", entry_release(entry));
        if (r >= 0 && entry->class == ENTRY_SESSION)
                r = sd_bus_message_append(reply, "{sv}", "session", "s",
                                          session_connection(entry_session(entry)));
        if (r < 0)
                return r;

        return sd_bus_message_append(reply, "{sv}", "origin", "s",
                                     entry_is_fallback(entry) ? "default" : "set");
}

/* What else the key has: an entry that is hidden by the one described, and those of releases. */
static int append_hidden(sd_bus_message *reply, const Namespace *ns, const char *key)
{
        const Entry *seen = namespace_lookup(ns, key), *covered = namespace_lookup_at(ns, key, "");
        g_auto(GStrv) releases = namespace_releases(ns, key);
        int r = 0;

        if (covered && covered != seen)
                r = sd_bus_message_append(reply, "{sv}{sv}", "covered-class", "s",
                                          entry_class_name((EntryClass) covered->class),
                                          "covered-revision", "t", covered->revision);
        if (r < 0 || !*releases)
                return r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "releases");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_append_strv(reply, releases);
        for (int i = 0; r >= 0 && i < 2; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* A value that does not fit is left out: a default can be asked for by itself. */
static int append_value(Description *description, const char *name, GVariant *value)
{
        uint64_t n_bytes = value ? value_wire_bytes(value) + LIMIT_KIB : 0;
        int r;

        if (!value || n_bytes > description->n_bytes_left)
                return 0;
        description->n_bytes_left -= n_bytes;

        r = sd_bus_message_open_container(description->reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(description->reply, 's', name);
        if (r >= 0)
                r = value_codec_append(description->reply, value);
        if (r >= 0)
                r = sd_bus_message_close_container(description->reply);
        return r;
}

static int append_values(Description *description, const Rule *rule)
{
        g_autoptr(GVariant) fallback = rule->fallback ? entry_value(rule->fallback) : NULL;
        int r;

        r = append_value(description, "minimum", rule->minimum);
        if (r >= 0)
                r = append_value(description, "maximum", rule->maximum);
        if (r >= 0)
                r = append_value(description, "default", fallback);
        if (r >= 0)
                r = append_value(description, "allowed", rule->allowed);
        return r;
}

static int append_rule(Description *description, const Rule *rule)
{
        g_autofree char *section = g_strconcat("Key ", rule->name, NULL);
        sd_bus_message *reply = description->reply;
        int r;

        r = sd_bus_message_append(reply, "{sv}", "rule", "s", section);
        if (r >= 0 && rule->type)
                r = sd_bus_message_append(reply, "{sv}", "declared-type", "s", rule->type);
        if (r >= 0 && rule->length_minimum > 0)
                r = sd_bus_message_append(reply, "{sv}", "length-minimum", "t",
                                          rule->length_minimum);
        if (r >= 0 && rule->length_maximum < UINT64_MAX)
                r = sd_bus_message_append(reply, "{sv}", "length-maximum", "t",
                                          rule->length_maximum);
        if (r >= 0 && rule->is_locked)
                r = sd_bus_message_append(reply, "{sv}", "locked", "b", 1);
        if (r >= 0 && rule->is_write_once)
                r = sd_bus_message_append(reply, "{sv}", "write-once", "b", 1);
        return r < 0 ? r : append_values(description, rule);
}

static uint64_t value_bytes(GVariant *value)
{
        return value ? value_wire_bytes(value) + LIMIT_KIB : 0;
}

uint64_t description_bytes(const BusService *service, const Namespace *ns, const char *key)
{
        const Rule *rule = namespace_rule(ns, key);
        g_auto(GStrv) releases = namespace_releases(ns, key);
        uint64_t n_bytes = 2 * LIMIT_KIB;

        for (char **release = releases; *release; release++)
                n_bytes += strlen(*release) + 8; /* with length and padding */
        if (!rule)
                return n_bytes;

        n_bytes += value_bytes(rule->minimum) + value_bytes(rule->maximum) +
                   value_bytes(rule->allowed) +
                   (rule->fallback ? entry_reply_bytes(rule->fallback) : 0);
        return MIN(n_bytes, service->limits->reply_bytes);
}

int description_append(sd_bus_message *reply,
                       const BusService *service,
                       const Namespace *ns,
                       const char *key,
                       Entry *entry)
{
        Description description = { reply, service->limits->reply_bytes };
        const Declaration *declaration = ns->declaration;
        const Rule *rule = namespace_rule(ns, key);
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_entry(reply, entry);
        if (r >= 0)
                r = append_hidden(reply, ns, key);
        if (r >= 0 && declaration)
                r = sd_bus_message_append(reply, "{sv}", "file", "s", declaration->path);
        if (r >= 0 && rule)
                r = append_rule(&description, rule);
        if (r < 0)
                return r;

        return sd_bus_message_close_container(reply);
}
