/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Get many
 */

#include "bus/get-many.h"

#include "bus/answer.h"
#include "bus/bus-error.h"
#include "bus/channels.h"
#include "bus/namespace-object.h"
#include "bus/options.h"
#include "bus/page.h"
#include "bus/value-codec.h"
#include "core/name.h"
#include "core/namespace-walk.h"
#include "util/auto.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What else is said of an entry with form=entries. */
#define ENTRY_FRAME_BYTES (160u + LIMIT_RELEASE_BYTES)

bool get_many_fits(const BusService *service, sd_bus_message *m, const Namespace *ns)
{
        return namespace_reply_bytes(ns) + ANSWER_FRAME_BYTES <= channels_reply_max(service, m);
}

int get_many_append_all(sd_bus_message *reply, const Namespace *ns)
{
        NamespaceWalk walk;
        Entry *entry;

        namespace_walk_begin(&walk, ns, "", "", NAMESPACE_WALK_ALL);
        while ((entry = namespace_walk_next(&walk))) {
                int r = value_codec_append_pair(reply, entry);

                if (r < 0)
                        return r;
        }

        return 0;
}

static int refuse_size(const Answer *answer, sd_bus_error *reterr_bus)
{
        return bus_refused(sd_bus_error_setf(
                reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                "More than a reply of %" PRIu64
                " bytes: ask Namespace.GetMany for pages with 'limit' and 'after'",
                answer->n_bytes_max));
}

/* The value of a pair becomes an a{sv} of what is known of it. */
static int append_entry(sd_bus_message *reply, Entry *entry)
{
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', entry_key(entry));
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}", "revision", "t", entry->revision);
        if (r >= 0 && !entry_is_fallback(entry))
                r = sd_bus_message_append(reply, "{sv}", "class", "s",
                                          entry_class_name(entry->class));
        if (r >= 0 && entry->class == ENTRY_KERNEL)
                r = sd_bus_message_append(reply, "{sv}", "release", "s", entry_release(entry));
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "value");
        if (r >= 0)
                r = value_codec_append_entry(reply, entry);
        for (int i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* Another @n_bytes of values are about to be appended. */
static int grow(Answer *answer, uint64_t n_bytes, sd_bus_error *reterr_bus)
{
        switch (answer_grow(answer, n_bytes)) {
        case ANSWER_E_TOO_BIG:
                return refuse_size(answer, reterr_bus);
        case ANSWER_E_NO_ROOM:
                return flow_refuse(answer->service, answer->call, reterr_bus);
        default:
                return 0;
        }
}

/* Closes the array of values and sends it with the revision. */
static int finish(Answer *answer)
{
        int r;

        r = sd_bus_message_close_container(answer->reply);
        if (r < 0)
                return r;

        r = sd_bus_message_append(answer->reply, "t", state_revision(answer->service->state));
        if (r < 0)
                return r;

        return answer_send(answer);
}

/* What @ns takes in an answer about several. */
static uint64_t namespace_frame_bytes(const Namespace *ns)
{
        return namespace_reply_bytes(ns) + strlen(ns->name) + 32;
}

/* Appends an entry of the reply unless that grows too large. */
static int append_within(Answer *answer, Entry *entry, bool is_entries, sd_bus_error *reterr_bus)
{
        int r;

        r = grow(answer, entry_reply_bytes(entry) + (is_entries ? ENTRY_FRAME_BYTES : 0),
                 reterr_bus);
        if (r < 0)
                return r;

        return is_entries ? append_entry(answer->reply, entry)
                          : value_codec_append_pair(answer->reply, entry);
}

static int append_page(Answer *answer,
                       const Namespace *ns,
                       const Page *page,
                       sd_bus_error *reterr_bus)
{
        PageWalk walk;
        Entry *entry;

        page_walk_begin(&walk, page, ns);
        for (uint32_t n = 0; page->limit == 0 || n < page->limit; n++) {
                int r;

                entry = page_walk_next(&walk);
                if (!entry)
                        break;

                r = append_within(answer, entry, page->is_entries, reterr_bus);
                if (r < 0)
                        return r;
        }

        return 0;
}

static int append_keys(Answer *answer,
                       const Namespace *ns,
                       char **keys,
                       const Page *page,
                       sd_bus_error *reterr_bus)
{
        for (; *keys; keys++) {
                Entry *entry = page_lookup(page, ns, *keys);
                int r;

                if (!entry)
                        continue;

                r = append_within(answer, entry, page->is_entries, reterr_bus);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* Reads the strings at the cursor, of which there may be no more than changes in a commit. */
static int read_names(sd_bus_message *m,
                      const BusService *service,
                      GPtrArray *names,
                      sd_bus_error *reterr_bus)
{
        const char *name;
        int r;

        r = sd_bus_message_enter_container(m, 'a', "s");
        if (r < 0)
                return r;

        while ((r = sd_bus_message_read_basic(m, 's', (void *) &name)) > 0) {
                if (names->len >= service->limits->commit_changes)
                        return bus_refused(
                                sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                  "More than %" PRIu64 " names in one call",
                                                  service->limits->commit_changes));
                g_ptr_array_add(names, (gpointer) (uintptr_t) name);
        }
        if (r < 0)
                return r;

        g_ptr_array_add(names, NULL);
        r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 0;
}

static int check_keys(char **keys, sd_bus_error *reterr_bus)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        for (; *keys; keys++) {
                g_autofree char *quoted = NULL, *text = NULL;

                if (key_is_valid(*keys) && g_hash_table_add(seen, *keys))
                        continue;

                quoted = name_quote(*keys);
                if (key_is_valid(*keys))
                        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                             "%s is asked for twice", quoted));
                text = g_strdup_printf("%s is not a key", quoted);
                return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
        }

        return 0;
}

/* What all of @ns takes at most, in the form that is asked for. */
static uint64_t page_bytes(const Namespace *ns, const Page *page)
{
        uint64_t n_keys = namespace_n_keys(ns);

        if (ns->declaration)
                n_keys += ns->declaration->fallbacks->len;
        return namespace_reply_bytes(ns) + (page->is_entries ? n_keys * ENTRY_FRAME_BYTES : 0);
}

static int reply_with_values(sd_bus_message *m,
                             BusService *service,
                             const Namespace *ns,
                             char **keys,
                             const Page *page,
                             sd_bus_error *reterr_bus)
{
        g_auto(Answer) answer = { .service = service, .call = m };
        int r;

        r = answer_begin(&answer, get_many_keys, page_bytes(ns, page), reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_open_container(answer.reply, 'a', "{sv}");
        if (r < 0)
                return r;

        r = *keys ? append_keys(&answer, ns, keys, page, reterr_bus)
                  : append_page(&answer, ns, page, reterr_bus);
        if (r < 0)
                return r;

        return finish(&answer);
}

int get_many_keys(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autofree char *name = namespace_object_name(m);
        g_autoptr(GPtrArray) keys = g_ptr_array_new();
        Page page;
        Namespace *ns;
        int r;

        r = read_names(m, service, keys, reterr_bus);
        if (r < 0)
                return r;

        r = page_read(&page, m, reterr_bus);
        if (r < 0)
                return r;

        if (keys->len > 1 && (*page.prefix || *page.after || page.limit > 0))
                return bus_refused(
                        sd_bus_error_set(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                         "'prefix', 'after' and 'limit' go without keys"));

        r = check_keys((char **) keys->pdata, reterr_bus);
        if (r < 0)
                return r;

        r = authorizer_check_read(service, m, get_many_keys, name, "GetMany", &ns, reterr_bus);
        if (r != 0)
                return r;

        return reply_with_values(m, service, ns, (char **) keys->pdata, &page, reterr_bus);
}

static int append_namespace(Answer *answer, const Namespace *ns, sd_bus_error *reterr_bus)
{
        sd_bus_message *reply = answer->reply;
        int r;

        r = grow(answer, namespace_frame_bytes(ns), reterr_bus);
        if (r < 0)
                return r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', ns->name);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = get_many_append_all(reply, ns);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int reply_with_namespaces(sd_bus_message *m,
                                 BusService *service,
                                 char **names,
                                 sd_bus_error *reterr_bus)
{
        g_auto(Answer) answer = { .service = service, .call = m };
        uint64_t n_bytes = 0;
        int r;

        for (char **name = names; *name; name++)
                n_bytes += namespace_frame_bytes(state_lookup(service->state, *name));

        r = answer_begin(&answer, get_many_namespaces, n_bytes, reterr_bus);
        if (r != 0)
                return r;

        r = sd_bus_message_open_container(answer.reply, 'a', "{sv}");
        if (r < 0)
                return r;

        for (; *names; names++) {
                r = append_namespace(&answer, state_lookup(service->state, *names), reterr_bus);
                if (r < 0)
                        return r;
        }

        return finish(&answer);
}

static int refuse_option(sd_bus_message *m G_GNUC_UNUSED,
                         const char *name,
                         void *userdata G_GNUC_UNUSED,
                         sd_bus_error *reterr_bus)
{
        return option_unknown(name, reterr_bus);
}

/* All of them before any is waited for, so that nothing large is kept meanwhile. */
static int check_names(const GPtrArray *names, sd_bus_error *reterr_bus)
{
        g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

        if (names->len > LIMIT_COMMIT_NAMESPACES + 1)
                return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                                     "More than %u namespaces in one call",
                                                     LIMIT_COMMIT_NAMESPACES));

        for (guint i = 0; i + 1 < names->len; i++) {
                g_autofree char *quoted = name_quote(names->pdata[i]);
                g_autofree char *text = NULL;

                if (!namespace_name_is_valid(names->pdata[i])) {
                        text = g_strdup_printf("%s is not a namespace name", quoted);
                        return bus_refused(bus_error_set(reterr_bus, CORE_E_INVALID_NAME, text));
                }
                if (!g_hash_table_add(seen, names->pdata[i]))
                        return bus_refused(sd_bus_error_setf(reterr_bus, SD_BUS_ERROR_INVALID_ARGS,
                                                             "%s is asked for twice", quoted));
        }

        return 0;
}

int get_many_namespaces(sd_bus_message *m, void *userdata, sd_bus_error *reterr_bus)
{
        BusService *service = userdata;
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        int r;

        r = read_names(m, service, names, reterr_bus);
        if (r < 0)
                return r;

        r = options_read(m, refuse_option, NULL, reterr_bus);
        if (r < 0)
                return r;

        r = check_names(names, reterr_bus);
        if (r < 0)
                return r;

        for (guint i = 0; i + 1 < names->len; i++) {
                Namespace *ns;

                r = authorizer_check_read(service, m, get_many_namespaces, names->pdata[i],
                                          "GetMany", &ns, reterr_bus);
                if (r != 0)
                        return r;
        }

        return reply_with_namespaces(m, service, (char **) names->pdata, reterr_bus);
}
