/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Vetoes
 */

#include "vetoes.h"

#include "account-names.h"

struct Vetoes {
        GVariant *of; /* a{sv}: bus name -> a{sv} of uid, ns_name, key, reason */
};

typedef struct Veto {
        const char *participant;
        const char *ns_name;
        const char *key;
        const char *reason;
        guint32 uid;
        bool has_uid;
} Veto;

Vetoes *vetoes_read(GVariant *result)
{
        GVariant *of = g_variant_lookup_value(result, "vetoes", G_VARIANT_TYPE_VARDICT);
        Vetoes *vetoes;

        if (of && g_variant_n_children(of) == 0)
                g_clear_pointer(&of, g_variant_unref);
        if (!of)
                return NULL;

        vetoes = g_new(Vetoes, 1);
        vetoes->of = of;
        return vetoes;
}

Vetoes *vetoes_free(Vetoes *vetoes)
{
        if (!vetoes)
                return NULL;

        g_variant_unref(vetoes->of);
        g_free(vetoes);
        return NULL;
}

/* Borrows from @facts. What it does not say is empty. */
static Veto read_veto(const char *participant, GVariant *facts)
{
        Veto veto = { .participant = participant, .ns_name = "", .key = "", .reason = "" };

        if (!g_variant_is_of_type(facts, G_VARIANT_TYPE_VARDICT))
                return veto;
        g_variant_lookup(facts, "ns_name", "&s", &veto.ns_name);
        g_variant_lookup(facts, "key", "&s", &veto.key);
        g_variant_lookup(facts, "reason", "&s", &veto.reason);
        veto.has_uid = g_variant_lookup(facts, "uid", "u", &veto.uid);
        return veto;
}

static void print_veto(const Veto *veto, Output *output)
{
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

void vetoes_print(const Vetoes *vetoes, Output *output)
{
        GVariantIter iterator;
        const char *participant;
        GVariant *facts;

        g_variant_iter_init(&iterator, vetoes->of);
        while (g_variant_iter_loop(&iterator, "{&sv}", &participant, &facts)) {
                const Veto veto = read_veto(participant, facts);

                print_veto(&veto, output);
        }
}

static json_object *veto_to_json(const Veto *veto)
{
        json_object *object = json_object_new_object();

        json_object_object_add(object, "participant", json_object_new_string(veto->participant));
        json_object_object_add(object, "uid",
                               veto->has_uid ? json_object_new_uint64(veto->uid) : NULL);
        json_object_object_add(object, "namespace", json_object_new_string(veto->ns_name));
        json_object_object_add(object, "key", json_object_new_string(veto->key));
        json_object_object_add(object, "reason", json_object_new_string(veto->reason));
        return object;
}

json_object *vetoes_to_json(const Vetoes *vetoes)
{
        json_object *array = json_object_new_array();
        GVariantIter iterator;
        const char *participant;
        GVariant *facts;

        if (!vetoes)
                return array;

        g_variant_iter_init(&iterator, vetoes->of);
        while (g_variant_iter_loop(&iterator, "{&sv}", &participant, &facts)) {
                const Veto veto = read_veto(participant, facts);

                json_object_array_add(array, veto_to_json(&veto));
        }
        return array;
}
