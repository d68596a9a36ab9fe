/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Config rig
 *
 * A scratch directory with configuration, and what is complained of when it is loaded. A fixture of
 * GLib's tests; nothing else may be logged.
 */

#include "config.h"

#include <glib.h>

typedef struct ConfigRig {
        char *directory;
        char *file; /* regentd.conf in it */
        Config config;
} ConfigRig;

void config_rig_set_up(ConfigRig *f, gconstpointer unused);
void config_rig_tear_down(ConfigRig *f, gconstpointer unused);

void config_rig_write_bytes(const char *path, const char *text, size_t n_bytes);
void config_rig_write(const ConfigRig *f, const char *name, const char *text);

/* Loads @text as regentd.conf. */
void config_rig_load_bytes(ConfigRig *f, const char *text, size_t n_bytes);
void config_rig_load(ConfigRig *f, const char *text);

void config_rig_assert_defaults(const ConfigRig *f);

/* "path:line: text\n" for each complaint since the last of the two calls below, which forget them. */
const char *config_rig_complaints(void);
void config_rig_assert_complaints(const char *expected);
unsigned config_rig_count_complaints(void);

/* There is a complaint of line @line of f->file. */
void config_rig_assert_complaint_of(const ConfigRig *f, unsigned line);
