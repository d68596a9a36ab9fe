/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Event lines
 */

#include "event-line.h"

#include "value-text.h"

void event_line_stamp(Output *output)
{
        g_autoptr(GDateTime) now = g_date_time_new_now_local();
        g_autofree char *time = g_date_time_format(now, "%H:%M:%S");
        g_autofree char *stamp =
                g_strdup_printf("%s.%03d ", time, g_date_time_get_microsecond(now) / 1000);

        output_escaped(output, STYLE_DIM, stamp);
}

void event_line_key(Output *output, const char *key, GVariant *value)
{
        g_autofree char *summary =
                value ? value_text_summarize(value, output_value_columns(output)) : NULL;

        output_text(output, STYLE_KEY, key);
        output_escaped(output, STYLE_PLAIN, " ");
        if (value) {
                output_text(output, STYLE_TYPE, g_variant_get_type_string(value));
                output_escaped(output, STYLE_PLAIN, " ");
                output_escaped(output, STYLE_PLAIN, summary);
        } else {
                output_escaped(output, STYLE_REMOVED, "(deleted)");
        }
        output_escaped(output, STYLE_PLAIN, "\n");
}

json_object *event_document_new(const char *event, const char *ns_name)
{
        json_object *document = json_object_new_object();

        json_object_object_add(document, "time", json_object_new_int64(g_get_real_time()));
        json_object_object_add(document, "event", json_object_new_string(event));
        if (ns_name)
                json_object_object_add(document, "namespace", json_object_new_string(ns_name));
        return document;
}

void event_document_print(Output *output, json_object *document)
{
        output_document(output, document);
        output_flush(output);
}
