/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Rule text
 *
 * The settings of one [Key NAME] section as they stand in the file. They mean something only
 * together (a Default is of the Type, whichever comes first), so a Rule is made of all of them.
 */

#include "complaints.h"
#include "core/limits.h"
#include "core/rule.h"

#include <glib.h>

typedef enum RuleSetting {
        RULE_SETTING_TYPE,
        RULE_SETTING_DEFAULT,
        RULE_SETTING_MINIMUM,
        RULE_SETTING_MAXIMUM,
        RULE_SETTING_ALLOWED,
        RULE_SETTING_LENGTH_MINIMUM,
        RULE_SETTING_LENGTH_MAXIMUM,
        RULE_SETTING_LOCKED,
        RULE_SETTING_WRITE_ONCE,
        _RULE_SETTING_MAX,
} RuleSetting;

typedef struct RuleText {
        char *name;
        struct {
                char *text; /* NULL: not set */
                unsigned line;
        } settings[_RULE_SETTING_MAX];
} RuleText;

RuleText *rule_text_new(const char *name);
RuleText *rule_text_free(RuleText *rule_text);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RuleText, rule_text_free)

/* Takes note of a setting, or complains. */
void rule_text_set(RuleText *rule_text,
                   Complaints *complaints,
                   unsigned line,
                   const char *setting,
                   const char *value);

/* Makes the rule, and complains of all that is wrong; what is made then is of no use. */
Rule *rule_text_make(const RuleText *rule_text, Complaints *complaints, const Limits *limits);
