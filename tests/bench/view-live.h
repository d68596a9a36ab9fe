/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View live
 *
 * Views of a regentd on a bus: how soon a commit is seen in one, counted from when its flush had ended, which
 * flush-clock.c writes down in regentd; and many of them at once.
 */

#include <stdbool.h>
#include <stdint.h>

/* Prints one JSON object; 0 or a negative errno. @is_asleep: it is a reader that sleeps; else one that looks. */
int view_live_run(const char *address,
                  const char *ns_name,
                  unsigned n_commits,
                  const char *clock_path,
                  bool is_asleep);

/* Opens the views of @n_namespaces and says so; returns when there is nothing more to read on stdin. */
int view_live_open(const char *address, const char *ns_name, uint32_t n_namespaces);
