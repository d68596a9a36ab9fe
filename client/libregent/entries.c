/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls about the entries of a namespace
 *
 * Each has a function …_spec() that says what is called; the two forms differ in how they make the call.
 */

#include "private.h"

#include <errno.h>

/* With the place that its path needs. */
typedef struct Question {
        CallSpec spec;
        char path[NAMESPACE_PATH_SIZE];
} Question;

static int question_init(Regent *regent,
                         const char *ns_name,
                         const char *member,
                         const char *reply_type,
                         Question *ret)
{
        int r;

        r = text_namespace_path(regent, ns_name, ret->path);
        if (r < 0)
                return r;

        ret->spec = (CallSpec){
                .path = ret->path,
                .interface_name = REGENT_NAMESPACE_INTERFACE,
                .member = member,
                .reply_type = reply_type,
        };
        return 0;
}

/* A member that is given a key alone. */
static int key_spec(Regent *regent,
                    const char *ns_name,
                    const char *member,
                    const char *key,
                    const char *reply_type,
                    Question *ret)
{
        int r;

        r = question_init(regent, ns_name, member, reply_type, ret);
        if (r >= 0)
                r = text_check(regent, key, "The key");
        if (r < 0)
                return r;

        ret->spec.key = key;
        return 0;
}

/* @value is sunk by who calls, and given up behind the call. */
static int set_spec(
        Regent *regent, const char *ns_name, const char *key, GVariant *value, Question *ret)
{
        int r;

        r = key_spec(regent, ns_name, "Set", key, "(t)", ret);
        if (r < 0)
                return r;
        ret->spec.is_write = true;
        if (!value)
                return error_set(regent, -EINVAL, SD_BUS_ERROR_INVALID_ARGS,
                                 "The value is missing");

        ret->spec.value = value;
        return 0;
}

static int many_spec(Regent *regent,
                     const char *ns_name,
                     const char *const *keys,
                     GVariant *options,
                     Question *ret)
{
        static const char *const none[] = { NULL };
        g_autoptr(GVariant) owned = NULL;
        int r;

        r = text_options(regent, options, &owned);
        if (r >= 0)
                r = question_init(regent, ns_name, "GetMany", "(a{sv}t)", ret);
        for (size_t i = 0; r >= 0 && keys && keys[i]; i++)
                r = text_check(regent, keys[i], "A key");
        if (r < 0)
                return r;

        ret->spec.arguments = g_variant_new("(^as@a{sv})", keys ? keys : none, owned);
        return 0;
}

static int list_spec(Regent *regent,
                     const char *ns_name,
                     const char *prefix,
                     const char *after,
                     uint32_t limit,
                     Question *ret)
{
        int r;

        r = question_init(regent, ns_name, "List", "(ast)", ret);
        if (r >= 0)
                r = text_check(regent, prefix ? prefix : "", "The prefix");
        if (r >= 0)
                r = text_check(regent, after ? after : "", "The key to begin after");
        if (r < 0)
                return r;

        ret->spec.arguments =
                g_variant_new("(ssu)", prefix ? prefix : "", after ? after : "", limit);
        return 0;
}

static int changes_spec(Regent *regent,
                        const char *ns_name,
                        const char *prefix,
                        uint64_t since_revision,
                        const char *epoch,
                        Question *ret)
{
        g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);
        int r;

        r = question_init(regent, ns_name, "GetChanges", "(a{sv}ast)", ret);
        if (r >= 0)
                r = text_check(regent, prefix ? prefix : "", "The prefix");
        if (r >= 0)
                r = text_check(regent, epoch ? epoch : "", "The epoch");
        if (r < 0)
                return r;

        if (prefix)
                g_variant_dict_insert(&options, "prefix", "s", prefix);
        if (epoch)
                g_variant_dict_insert(&options, "epoch", "s", epoch);
        ret->spec.arguments =
                g_variant_new("(t@a{sv})", since_revision, g_variant_dict_end(&options));
        return 0;
}

int regent_get(Regent *regent, const char *ns_name, const char *key, GVariant **ret_value)
{
        g_autoptr(sd_bus_message) m = NULL;
        g_autoptr(GVariant) value = NULL;
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Get", key, "(v)", &question);
        if (r >= 0)
                r = call_wait_for_message(regent, &question.spec, &m);
        if (r < 0)
                return r;

        r = message_read_variant(m, &value);
        if (r < 0)
                return error_set(regent, -EBADMSG, SD_BUS_ERROR_INCONSISTENT_MESSAGE,
                                 "The reply has no value");

        if (ret_value)
                *ret_value = g_steal_pointer(&value);
        return 0;
}

int regent_get_async(Regent *regent,
                     const char *ns_name,
                     const char *key,
                     RegentOnReply on_reply,
                     void *userdata,
                     RegentCall **ret_call)
{
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Get", key, "(v)", &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_set(Regent *regent,
               const char *ns_name,
               const char *key,
               GVariant *value,
               uint64_t *ret_revision)
{
        g_autoptr(GVariant) owned = value ? g_variant_ref_sink(value) : NULL;
        Question question;
        int r;

        r = set_spec(regent, ns_name, key, owned, &question);
        return r < 0 ? r : call_wait_for_write(regent, &question.spec, ret_revision, NULL);
}

int regent_set_async(Regent *regent,
                     const char *ns_name,
                     const char *key,
                     GVariant *value,
                     RegentOnReply on_reply,
                     void *userdata,
                     RegentCall **ret_call)
{
        g_autoptr(GVariant) owned = value ? g_variant_ref_sink(value) : NULL;
        Question question;
        int r;

        r = set_spec(regent, ns_name, key, owned, &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_delete(Regent *regent, const char *ns_name, const char *key, uint64_t *ret_revision)
{
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Delete", key, "(t)", &question);
        if (r < 0)
                return r;

        question.spec.is_write = true;
        return call_wait_for_write(regent, &question.spec, ret_revision, NULL);
}

int regent_delete_async(Regent *regent,
                        const char *ns_name,
                        const char *key,
                        RegentOnReply on_reply,
                        void *userdata,
                        RegentCall **ret_call)
{
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Delete", key, "(t)", &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_get_many(Regent *regent,
                    const char *ns_name,
                    const char *const *keys,
                    GVariant *options,
                    GVariant **ret_values,
                    uint64_t *ret_revision)
{
        g_autoptr(GVariant) reply = NULL;
        Question question;
        int r;

        r = many_spec(regent, ns_name, keys, options, &question);
        if (r >= 0)
                r = call_wait(regent, &question.spec, &reply, NULL);
        if (r < 0)
                return r;

        if (ret_values)
                *ret_values = g_variant_get_child_value(reply, 0);
        if (ret_revision)
                g_variant_get_child(reply, 1, "t", ret_revision);
        return 0;
}

int regent_get_many_async(Regent *regent,
                          const char *ns_name,
                          const char *const *keys,
                          GVariant *options,
                          RegentOnReply on_reply,
                          void *userdata,
                          RegentCall **ret_call)
{
        Question question;
        int r;

        r = many_spec(regent, ns_name, keys, options, &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_list(Regent *regent,
                const char *ns_name,
                const char *prefix,
                const char *after,
                uint32_t limit,
                char ***ret_keys,
                uint64_t *ret_revision)
{
        g_autoptr(GVariant) reply = NULL;
        Question question;
        int r;

        r = list_spec(regent, ns_name, prefix, after, limit, &question);
        if (r >= 0)
                r = call_wait(regent, &question.spec, &reply, NULL);
        if (r < 0)
                return r;

        if (ret_keys)
                g_variant_get_child(reply, 0, "^as", ret_keys);
        if (ret_revision)
                g_variant_get_child(reply, 1, "t", ret_revision);
        return 0;
}

int regent_list_async(Regent *regent,
                      const char *ns_name,
                      const char *prefix,
                      const char *after,
                      uint32_t limit,
                      RegentOnReply on_reply,
                      void *userdata,
                      RegentCall **ret_call)
{
        Question question;
        int r;

        r = list_spec(regent, ns_name, prefix, after, limit, &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_describe(Regent *regent, const char *ns_name, const char *key, GVariant **ret_facts)
{
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Describe", key, "(a{sv})", &question);
        return r < 0 ? r : call_wait_for_child(regent, &question.spec, ret_facts);
}

int regent_describe_async(Regent *regent,
                          const char *ns_name,
                          const char *key,
                          RegentOnReply on_reply,
                          void *userdata,
                          RegentCall **ret_call)
{
        Question question;
        int r;

        r = key_spec(regent, ns_name, "Describe", key, "(a{sv})", &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}

int regent_get_changes(Regent *regent,
                       const char *ns_name,
                       const char *prefix,
                       uint64_t since_revision,
                       const char *epoch,
                       GVariant **ret_changed,
                       char ***ret_removed,
                       uint64_t *ret_revision)
{
        g_autoptr(GVariant) reply = NULL;
        Question question;
        int r;

        r = changes_spec(regent, ns_name, prefix, since_revision, epoch, &question);
        if (r >= 0)
                r = call_wait(regent, &question.spec, &reply, NULL);
        if (r < 0)
                return r;

        if (ret_changed)
                *ret_changed = g_variant_get_child_value(reply, 0);
        if (ret_removed)
                g_variant_get_child(reply, 1, "^as", ret_removed);
        if (ret_revision)
                g_variant_get_child(reply, 2, "t", ret_revision);
        return 0;
}

int regent_get_changes_async(Regent *regent,
                             const char *ns_name,
                             const char *prefix,
                             uint64_t since_revision,
                             const char *epoch,
                             RegentOnReply on_reply,
                             void *userdata,
                             RegentCall **ret_call)
{
        Question question;
        int r;

        r = changes_spec(regent, ns_name, prefix, since_revision, epoch, &question);
        return r < 0 ? r : call_start(regent, &question.spec, on_reply, userdata, ret_call);
}
