/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Fill
 *
 * Puts entries where a measure wants them, quickly: many in one commit, namespaces many at once.
 */

#include <stdint.h>
#include <systemd/sd-bus.h>

/*
 * Creates what is missing of @n_namespaces, and sets in each the keys from @first_key on, @n_keys
 * of them, in commits of @n_changes. 0 or a negative errno.
 */
int fill_run(sd_bus *bus,
             const char *ns_name,
             uint32_t n_namespaces,
             uint32_t first_key,
             uint32_t n_keys,
             uint32_t n_changes);
