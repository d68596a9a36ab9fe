/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Fuzz targets
 *
 * Each fuzz-<decoder>.c defines what libFuzzer calls for each input. An assertion that fails is a
 * find. The corpora are replayed as ordinary tests, too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n_bytes)
        __attribute__((visibility("default")));
