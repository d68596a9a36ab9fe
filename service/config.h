/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Configuration
 *
 * regentd.conf and its drop-ins: "Setting=value" lines in sections. What is wrong in them is logged
 * with file and line and has no effect; the rest counts, and where a setting stands twice, the last.
 */

#include "core/limits.h"

#include <stdint.h>

typedef struct Config {
        int log_level; /* a syslog level */
        uint64_t checkpoint_journal_bytes;
        uint64_t
                sync_interval_usec; /* of lazy changes, which all are then; 0: only those that say so */
        Limits limits;
} Config;

/* The defaults. */
void config_init(Config *config);

/*
 * Reads over @config: @file and the drop-ins in @file.d; or with NULL, from /usr/lib/regent,
 * /etc/regent and /run/regent, the last regentd.conf there is and the drop-ins of all three
 * regentd.conf.d. Drop-ins are files named *.conf, read in the order of their names; of two with
 * one name only the one in the later directory counts, so a link to /dev/null masks.
 *
 * -ENOENT when @file is named and missing, another negative errno when it cannot be read. Any other
 * file that cannot be read is logged and left out.
 */
int config_load(Config *config, const char *file);

/* As with NULL above, from other directories; NULL ends the list. */
void config_load_directories(Config *config, const char *const *directories);
