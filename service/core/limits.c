/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits
 */

#include "core/limits.h"

#include <stddef.h>
#include <string.h>

typedef struct LimitSetting {
        const char *name;
        size_t offset;
        uint64_t standard, minimum, maximum;
} LimitSetting;

static const LimitSetting limit_settings[] = {
#define LIMIT_SETTING(field, setting, standard, minimum, maximum) \
        { setting, offsetof(Limits, field), standard, minimum, maximum },
        LIMITS_TABLE(LIMIT_SETTING)
#undef LIMIT_SETTING
};

static uint64_t *limit_field(Limits *limits, const LimitSetting *setting)
{
        return (uint64_t *) (void *) ((char *) limits + setting->offset);
}

void limits_init(Limits *limits)
{
        for (size_t i = 0; i < sizeof limit_settings / sizeof *limit_settings; i++)
                *limit_field(limits, &limit_settings[i]) = limit_settings[i].standard;
}

int limits_set(Limits *limits, const char *setting, uint64_t value)
{
        for (size_t i = 0; i < sizeof limit_settings / sizeof *limit_settings; i++) {
                const LimitSetting *s = &limit_settings[i];

                if (strcmp(s->name, setting) != 0)
                        continue;
                if (value < s->minimum || value > s->maximum)
                        return LIMITS_E_OUT_OF_RANGE;

                *limit_field(limits, s) = value;
                return 0;
        }

        return LIMITS_E_UNKNOWN;
}
