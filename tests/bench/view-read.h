/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * View read
 *
 * What a read of each store costs, in rounds in each of which all are measured: alone, and by a crowd of threads while
 * one writes faster than a regentd could.
 */

#include <stdint.h>

/* Prints one JSON object; the exit status. */
int view_read_run(uint32_t n_keys,
                  uint64_t value_bytes,
                  unsigned n_rounds,
                  uint64_t nsec,
                  unsigned n_readers);
