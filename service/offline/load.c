/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Load
 *
 * The limits are those that no configuration exceeds, and who does this is uid 0: quotas of the
 * namespaces hold, rules of declarations are not known here.
 */

#include "offline/load.h"

#include "client/regent-store-stream.h"
#include "core/pipeline.h"
#include "offline/dump.h"
#include "offline/loading.h"
#include "offline/stream.h"
#include "offline/target.h"

#include <errno.h>
#include <string.h>

static int fail_outcome(const Settlement *settlement)
{
        if (settlement->outcome < 0)
                return stream_fail_errno(settlement->outcome, "the commit");

        switch (settlement->outcome) {
        case CORE_E_INVALID_NAME:
        case CORE_E_INVALID_VALUE:
        case CORE_E_INVALID_ARGUMENT:
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s", settlement->text);
        case CORE_E_NO_SUCH_NAMESPACE:
                return stream_fail(REGENT_STORE_NOT_FOUND, NULL, "%s", settlement->text);
        case CORE_E_NAMESPACE_EXISTS:
        case CORE_E_CONFLICT:
        case CORE_E_BUSY: /* a change that waits for a confirmation has it locked */
                return stream_fail(REGENT_STORE_CONFLICT, NULL, "%s", settlement->text);
        default:
                return stream_fail(REGENT_STORE_REFUSED, NULL, "%s", settlement->text);
        }
}

static int submit(Loading *loading, ChangeSet *set)
{
        g_autofree char *text = NULL;
        Settlement settlement;
        int r;

        r = loading_submit(loading, set, &settlement, &text);
        if (r < 0)
                return stream_fail_errno(r, "the commit");
        return settlement.outcome == 0 ? 0 : fail_outcome(&settlement);
}

/* What a change set says of @outcome, which it ended in. */
static int fail_change(int outcome, const char *text)
{
        const Settlement settlement = { .outcome = outcome, .text = text };

        return fail_outcome(&settlement);
}

static int check_release(const NamespaceWish *wish, const char *release)
{
        return strcmp(wish->release, release) == 0
                       ? 0
                       : stream_fail(REGENT_STORE_INVALID, NULL,
                                     "%s: entries of several kernel releases in one commit",
                                     wish->name);
}

/* The wish of the set that is being filled. 0 or -EPROTO. */
static int find_wish(Loading *loading,
                     const char *name,
                     const char *release,
                     NamespaceWish **ret_wish)
{
        g_autofree char *text = NULL;
        int r;

        if (!loading->set)
                loading->set = change_set_new(CHANGE_SET_ENTRIES);
        for (guint i = loading->set->namespaces->len; i > 0; i--) {
                NamespaceWish *wish = loading->set->namespaces->pdata[i - 1];

                if (strcmp(wish->name, name) == 0) {
                        *ret_wish = wish;
                        return check_release(wish, release);
                }
        }

        r = change_set_add_namespace(loading->set, name, ret_wish, &text);
        if (r == 0)
                r = change_set_set_release(*ret_wish, release, &text);
        return r == 0 ? 0 : fail_change(r, text);
}

static int take_create(Loading *loading, GVariant *body)
{
        g_autoptr(ChangeSet) set = change_set_new(CHANGE_SET_CREATE_NAMESPACE);
        g_autofree char *text = NULL;
        NamespaceAccess access;
        NamespaceWish *wish;
        const char *name;
        int r;

        g_variant_get(body, "(&suuutt)", &name, &access.owner, &access.group, &access.mode,
                      &access.quota_keys, &access.quota_bytes);
        r = change_set_add_namespace(set, name, &wish, &text);
        if (r == 0)
                r = change_set_set_mode(set, access.mode, &text);
        if (r != 0)
                return fail_change(r, text);

        set->access = access;
        set->access_fields = (AccessFields) (ACCESS_OWNER | ACCESS_GROUP | ACCESS_MODE |
                                             ACCESS_QUOTA_KEYS | ACCESS_QUOTA_BYTES);
        r = submit(loading, g_steal_pointer(&set));
        if (r == 0)
                g_ptr_array_add(loading->created, g_strdup(name));
        return r;
}

static int take_set(Loading *loading, GVariant *body)
{
        g_autoptr(GVariant) value = NULL;
        g_autofree char *text = NULL;
        const char *name, *release, *key, *class;
        NamespaceWish *wish;
        int r;

        g_variant_get(body, "(&s&s&sv&s)", &name, &release, &key, &value, &class);
        r = find_wish(loading, name, release, &wish);
        if (r < 0)
                return r;

        r = value_check_made(value, &loading->limits, &text);
        if (r != 0)
                return stream_fail(REGENT_STORE_INVALID, NULL, "%s: '%s' %s", name, key, text);
        r = change_set_set(loading->set, wish, &loading->limits, key, value, &text);
        if (r == 0 && *class) {
                int of_name = entry_class_from_name(class);

                if (of_name < 0)
                        return stream_fail(REGENT_STORE_INVALID, NULL, "'%s' is no class", class);
                r = change_set_classify(wish, key, (EntryClass) of_name, &text);
        }
        return r == 0 ? 0 : fail_change(r, text);
}

static int take_unset(Loading *loading, GVariant *body)
{
        g_autofree char *text = NULL;
        const char *name, *release, *key;
        NamespaceWish *wish;
        int r;

        g_variant_get(body, "(&s&s&s)", &name, &release, &key);
        r = find_wish(loading, name, release, &wish);
        if (r < 0)
                return r;
        r = change_set_unset(loading->set, wish, &loading->limits, key, &text);
        return r == 0 ? 0 : fail_change(r, text);
}

static int take_commit(Loading *loading, GVariant *body)
{
        const char *reason = g_variant_get_string(body, NULL);
        g_autofree char *text = NULL;
        int r = 0;

        if (!loading->set)
                return 0;
        if (*reason)
                r = change_set_set_reason(loading->set, reason, &text);
        return r == 0 ? submit(loading, g_steal_pointer(&loading->set)) : fail_change(r, text);
}

static int take(Loading *loading, const char *name, GVariant *body)
{
        static const struct {
                const char *name, *type;
                int (*take)(Loading *loading, GVariant *body);
        } messages[] = {
                { REGENT_STORE_CREATE, REGENT_STORE_CREATE_TYPE, take_create },
                { REGENT_STORE_SET, REGENT_STORE_SET_TYPE, take_set },
                { REGENT_STORE_UNSET, REGENT_STORE_UNSET_TYPE, take_unset },
                { REGENT_STORE_COMMIT, REGENT_STORE_COMMIT_TYPE, take_commit },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
                if (strcmp(messages[i].name, name) == 0 &&
                    g_variant_is_of_type(body, G_VARIANT_TYPE(messages[i].type)))
                        return messages[i].take(loading, body);
        return stream_fail_errno(-EBADMSG, "standard input");
}

/* Until the end; what was committed before something goes wrong stays. */
static int take_all(Loading *loading)
{
        for (;;) {
                g_autofree char *name = NULL;
                g_autoptr(GVariant) body = NULL;
                int r;

                r = stream_get(&name, &body);
                if (r == STREAM_E_END)
                        return stream_fail(REGENT_STORE_OTHER, NULL, "Standard input ended early");
                if (r < 0)
                        return stream_fail_errno(r, "standard input");
                if (strcmp(name, REGENT_STORE_END) == 0)
                        return 0;
                r = take(loading, name, body);
                if (r < 0)
                        return r;
        }
}

static int tell_done(const Loading *loading)
{
        GVariantDict dict;
        int r;

        g_variant_dict_init(&dict, NULL);
        g_variant_dict_insert(&dict, "revision", "t", state_revision(loading->state));
        g_variant_dict_insert(&dict, "commits", "t", loading->n_commits);
        r = stream_put(REGENT_STORE_DONE, g_variant_dict_end(&dict));
        return r == 0 ? stream_flush() : r;
}

/* What a start would mend, or set aside, is not for a change that came by the way. */
static int check_whole(const ReadingOptions *options)
{
        g_auto(Reading) reading = { 0 };
        int r;

        r = reading_open(&reading, options);
        if (r < 0)
                return r;
        r = reading_load(&reading);
        if (r < 0)
                return stream_fail_errno(r, options->state_directory);
        return reading_damage(&reading)
                       ? stream_fail(REGENT_STORE_INVALID, "'regentctl verify' says more.",
                                     "%s: %s", options->state_directory, reading_damage(&reading))
                       : 0;
}

/* It was refused, so there is nobody left to be told that this is, too. */
static void remove_created(Loading *loading)
{
        for (guint i = 0; loading->created && i < loading->created->len; i++) {
                ChangeSet *set = change_set_new(CHANGE_SET_REMOVE_NAMESPACE);
                g_autofree char *text = NULL;
                Settlement settlement;
                NamespaceWish *wish;

                if (change_set_add_namespace(set, loading->created->pdata[i], &wish, &text) != 0)
                        change_set_free(set);
                else
                        (void) loading_submit(loading, set, &settlement, &text);
        }
}

int load_directory(const ReadingOptions *options, bool is_atomic)
{
        g_auto(Loading) loading = { 0 };
        int r, closed;

        r = target_take(options->state_directory);
        if (r == 0)
                r = check_whole(options);
        if (r == 0)
                r = loading_open(&loading, options);
        if (r < 0)
                return r;

        r = dump_state(loading.state, state_revision(loading.state), loading.status.loaded_reason);
        if (r == 0)
                r = take_all(&loading);
        if (r < 0 && is_atomic)
                remove_created(&loading);
        closed = loading_close(&loading);
        if (r == 0 && closed < 0)
                r = stream_fail_errno(closed, options->state_directory);
        return r == 0 ? tell_done(&loading) : r;
}
