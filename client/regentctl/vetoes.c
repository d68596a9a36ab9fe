/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vetoes
 */

#include "vetoes.h"

#include "account-names.h"

struct Vetoes {
        GPtrArray *
                answers; /* a{sv}: number -> a{sv} of participant, path, uid, ns_name, key, reason */
};

typedef struct Veto {
        const char *participant; /* its bus name */
        const char *path;
        const char *ns_name;
        const char *key;
        const char *reason;
        guint32 uid;
        bool has_uid;
} Veto;

void vetoes_take(Vetoes **vetoes, GVariant *result)
{
        g_autoptr(GVariant) answer =
                g_variant_lookup_value(result, "vetoes", G_VARIANT_TYPE_VARDICT);

        if (!answer || g_variant_n_children(answer) == 0)
                return;
        if (!*vetoes) {
                *vetoes = g_new(Vetoes, 1);
                (*vetoes)->answers =
                        g_ptr_array_new_with_free_func((GDestroyNotify) g_variant_unref);
        }
        g_ptr_array_add((*vetoes)->answers, g_steal_pointer(&answer));
}

Vetoes *vetoes_free(Vetoes *vetoes)
{
        if (!vetoes)
                return NULL;

        g_ptr_array_unref(vetoes->answers);
        g_free(vetoes);
        return NULL;
}

/* Borrows from @facts. What it does not say is empty. */
static Veto read_veto(GVariant *facts)
{
        Veto veto = { .participant = "", .path = "", .ns_name = "", .key = "", .reason = "" };

        if (!g_variant_is_of_type(facts, G_VARIANT_TYPE_VARDICT))
                return veto;
        g_variant_lookup(facts, "participant", "&s", &veto.participant);
        g_variant_lookup(facts, "path", "&s", &veto.path);
        g_variant_lookup(facts, "ns_name", "&s", &veto.ns_name);
        g_variant_lookup(facts, "key", "&s", &veto.key);
        g_variant_lookup(facts, "reason", "&s", &veto.reason);
        veto.has_uid = g_variant_lookup(facts, "uid", "u", &veto.uid);
        return veto;
}

static void print_veto(const Veto *veto, void *userdata)
{
        Output *output = userdata;
        g_autofree char *user = veto->has_uid ? account_user_name(veto->uid) : g_strdup("?");

        output_escaped(output, STYLE_BAD, "refused ");
        output_text(output, STYLE_PLAIN, veto->ns_name);
        output_escaped(output, STYLE_PLAIN, " ");
        output_text(output, STYLE_KEY, veto->key);
        output_escaped(output, STYLE_PLAIN, " by ");
        output_text(output, STYLE_PLAIN, user);
        output_escaped(output, STYLE_PLAIN, " (");
        output_text(output, STYLE_PLAIN, veto->participant);
        output_escaped(output, STYLE_PLAIN, "): ");
        output_text(output, STYLE_PLAIN, veto->reason);
        output_escaped(output, STYLE_PLAIN, "\n");
}

typedef void (*OnVeto)(const Veto *veto, void *userdata);

static void walk(const Vetoes *vetoes, OnVeto on_veto, void *userdata)
{
        for (guint i = 0; i < vetoes->answers->len; i++) {
                GVariantIter iterator;
                GVariant *facts;

                g_variant_iter_init(&iterator, vetoes->answers->pdata[i]);
                while (g_variant_iter_loop(&iterator, "{sv}", NULL, &facts)) {
                        const Veto veto = read_veto(facts);

                        on_veto(&veto, userdata);
                }
        }
}

void vetoes_print(const Vetoes *vetoes, Output *output)
{
        if (vetoes)
                walk(vetoes, print_veto, output);
}

static json_object *veto_to_json(const Veto *veto)
{
        json_object *object = json_object_new_object();

        json_object_object_add(object, "participant", json_object_new_string(veto->participant));
        json_object_object_add(object, "path", json_object_new_string(veto->path));
        json_object_object_add(object, "uid",
                               veto->has_uid ? json_object_new_uint64(veto->uid) : NULL);
        json_object_object_add(object, "namespace", json_object_new_string(veto->ns_name));
        json_object_object_add(object, "key", json_object_new_string(veto->key));
        json_object_object_add(object, "reason", json_object_new_string(veto->reason));
        return object;
}

static void add_to_array(const Veto *veto, void *userdata)
{
        json_object_array_add(userdata, veto_to_json(veto));
}

json_object *vetoes_to_json(const Vetoes *vetoes)
{
        json_object *array = json_object_new_array();

        if (vetoes)
                walk(vetoes, add_to_array, array);
        return array;
}
