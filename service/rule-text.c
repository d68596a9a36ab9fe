/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rule text
 */

#include "rule-text.h"

#include "core/name.h"
#include "core/value-check.h"
#include "util/ini.h"
#include "wire/value-parse.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static const char *const setting_names[] = {
        [RULE_SETTING_TYPE] = "Type",
        [RULE_SETTING_DEFAULT] = "Default",
        [RULE_SETTING_MINIMUM] = "Minimum",
        [RULE_SETTING_MAXIMUM] = "Maximum",
        [RULE_SETTING_ALLOWED] = "Allowed",
        [RULE_SETTING_LENGTH_MINIMUM] = "LengthMinimum",
        [RULE_SETTING_LENGTH_MAXIMUM] = "LengthMaximum",
        [RULE_SETTING_LOCKED] = "Locked",
        [RULE_SETTING_WRITE_ONCE] = "WriteOnce",
};

/* One section while a rule is made of it. */
typedef struct Maker {
        const RuleText *text;
        Complaints *complaints;
        const Limits *limits;
        Rule *rule;
} Maker;

RuleText *rule_text_new(const char *name)
{
        RuleText *rule_text = g_new0(RuleText, 1);

        rule_text->name = g_strdup(name);
        return rule_text;
}

RuleText *rule_text_free(RuleText *rule_text)
{
        if (!rule_text)
                return NULL;

        for (size_t i = 0; i < _RULE_SETTING_MAX; i++)
                g_free(rule_text->settings[i].text);
        g_free(rule_text->name);
        g_free(rule_text);
        return NULL;
}

void rule_text_set(RuleText *rule_text,
                   Complaints *complaints,
                   unsigned line,
                   const char *setting,
                   const char *value)
{
        g_autofree char *quoted = NULL;

        for (size_t i = 0; i < _RULE_SETTING_MAX; i++) {
                if (strcmp(setting_names[i], setting) != 0)
                        continue;

                if (rule_text->settings[i].text) {
                        complaints_add(complaints, line, "%s is set twice in this section",
                                       setting);
                        return;
                }
                rule_text->settings[i].text = g_strdup(value);
                rule_text->settings[i].line = line;
                return;
        }

        quoted = name_quote(setting);
        complaints_add(complaints, line, "there is no setting %s in this section", quoted);
}

static const char *text_of(const Maker *maker, RuleSetting setting)
{
        return maker->text->settings[setting].text;
}

static void refuse(const Maker *maker, RuleSetting setting, const char *why)
{
        g_autofree char *quoted = name_quote(text_of(maker, setting));

        complaints_add(maker->complaints, maker->text->settings[setting].line,
                       "%s cannot be %s%s%s", setting_names[setting], quoted, why ? ": " : "",
                       why ? why : "");
}

/* Whether @setting is set, and makes sense with the type as it is; complains when it does not. */
static bool is_set_with_type(const Maker *maker, RuleSetting setting, const char *types)
{
        const char *type = maker->rule->type;

        if (!text_of(maker, setting))
                return false;
        if (type && (!types || strchr(types, *type)))
                return true;

        /* A type that is wrong has been complained of. */
        if (type || !text_of(maker, RULE_SETTING_TYPE))
                complaints_add(maker->complaints, maker->text->settings[setting].line,
                               "%s needs a Type%s", setting_names[setting],
                               types ? " that it goes with" : "");
        return false;
}

/* NULL with a complaint when the text is no value of @type. */
static GVariant *parse_value(const Maker *maker, RuleSetting setting, const GVariantType *type)
{
        const char *text = text_of(maker, setting);
        g_autoptr(GVariant) value = NULL;
        g_autofree char *why = NULL;

        value = wire_parse_value(type, text, &why);
        if (!value || value_check_made(value, maker->limits, &why) != 0) {
                refuse(maker, setting, why);
                return NULL;
        }
        return g_steal_pointer(&value);
}

static void make_type(const Maker *maker)
{
        const char *type = text_of(maker, RULE_SETTING_TYPE);

        if (!type)
                return;
        if (value_type_can_be_made(type))
                maker->rule->type = g_strdup(type);
        else
                refuse(maker, RULE_SETTING_TYPE, "it is not one complete D-Bus type without 'h'");
}

static GVariant *make_bound(const Maker *maker, RuleSetting setting)
{
        g_autoptr(GVariant) bound = NULL;

        if (!is_set_with_type(maker, setting, "ynqiuxtd"))
                return NULL;

        bound = parse_value(maker, setting, G_VARIANT_TYPE(maker->rule->type));
        if (bound && *maker->rule->type == 'd' && isnan(g_variant_get_double(bound))) {
                refuse(maker, setting, "it is not a number");
                return NULL;
        }
        return g_steal_pointer(&bound);
}

static void make_range(const Maker *maker)
{
        Rule *rule = maker->rule;

        rule->minimum = make_bound(maker, RULE_SETTING_MINIMUM);
        rule->maximum = make_bound(maker, RULE_SETTING_MAXIMUM);
        if (rule->minimum && rule->maximum && g_variant_compare(rule->minimum, rule->maximum) > 0)
                refuse(maker, RULE_SETTING_MAXIMUM, "it is less than Minimum");
}

static void make_allowed(const Maker *maker)
{
        g_autoptr(GVariant) allowed = NULL;
        g_autoptr(GVariantType) type = NULL;

        if (!is_set_with_type(maker, RULE_SETTING_ALLOWED, NULL))
                return;

        type = g_variant_type_new_array(G_VARIANT_TYPE(maker->rule->type));
        allowed = parse_value(maker, RULE_SETTING_ALLOWED, type);
        if (!allowed)
                return;
        if (g_variant_n_children(allowed) == 0)
                refuse(maker, RULE_SETTING_ALLOWED, "nothing would be allowed");
        else
                rule_set_allowed(maker->rule, allowed);
}

static void make_length(const Maker *maker, RuleSetting setting, uint64_t *length)
{
        if (!is_set_with_type(maker, setting, "soga"))
                return;
        if (ini_parse_size(text_of(maker, setting), length) < 0)
                refuse(maker, setting, NULL);
}

static void make_lengths(const Maker *maker)
{
        Rule *rule = maker->rule;

        make_length(maker, RULE_SETTING_LENGTH_MINIMUM, &rule->length_minimum);
        make_length(maker, RULE_SETTING_LENGTH_MAXIMUM, &rule->length_maximum);
        if (rule->length_minimum > rule->length_maximum)
                refuse(maker, RULE_SETTING_LENGTH_MAXIMUM, "it is less than LengthMinimum");
}

static void make_boolean(const Maker *maker, RuleSetting setting, bool *boolean)
{
        static const char *const yes[] = { "yes", "true", "on", "1", NULL };
        static const char *const no[] = { "no", "false", "off", "0", NULL };
        const char *text = text_of(maker, setting);

        if (!text)
                return;
        *boolean = g_strv_contains(yes, text);
        if (!*boolean && !g_strv_contains(no, text))
                refuse(maker, setting, "it is neither yes nor no");
}

/* Last, because a default has to keep to the rest. */
static void make_default(const Maker *maker)
{
        g_auto(RuleBreach) breach = {};
        g_autoptr(GVariant) value = NULL;
        Rule *rule = maker->rule;

        if (!is_set_with_type(maker, RULE_SETTING_DEFAULT, NULL))
                return;
        if (rule_is_pattern(rule)) {
                refuse(maker, RULE_SETTING_DEFAULT, "a pattern has no default");
                return;
        }

        value = parse_value(maker, RULE_SETTING_DEFAULT, G_VARIANT_TYPE(rule->type));
        if (!value)
                return;

        rule->fallback = entry_new(rule->name, value, ENTRY_PERSISTENT);
        if (rule_check_value(rule, rule->fallback, &breach) != 0)
                refuse(maker, RULE_SETTING_DEFAULT, breach.why);
}

Rule *rule_text_make(const RuleText *rule_text, Complaints *complaints, const Limits *limits)
{
        const Maker maker = { rule_text, complaints, limits, rule_new(rule_text->name) };
        Rule *rule = maker.rule;

        make_type(&maker);
        make_range(&maker);
        make_allowed(&maker);
        make_lengths(&maker);
        make_boolean(&maker, RULE_SETTING_LOCKED, &rule->is_locked);
        make_boolean(&maker, RULE_SETTING_WRITE_ONCE, &rule->is_write_once);
        make_default(&maker);
        return rule;
}
