/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Generation
 *
 * One view as client/regent-view.h lays it out, from the side that writes. Records are only ever
 * added, so it is full at some time; another generation follows then.
 *
 *   generation_put(), generation_remove(), … then generation_publish()
 *
 * What was put is seen with generation_publish(), all at once. One thread writes.
 */

#include "client/regent-view.h"
#include "core/entry.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Generation Generation;

enum {
        GENERATION_E_FULL = 1, /* nothing of what was put is seen, and nothing more can be put */
};

typedef struct GenerationShape {
        uint64_t n_keys;       /* that it is to hold soon, those that are deleted meanwhile too */
        uint64_t record_bytes; /* at least */
} GenerationShape;

/* What it will take, whole pages; 0: too much for any. */
uint64_t generation_bytes_of(const GenerationShape *shape);

int generation_new(Generation **ret_generation, const GenerationShape *shape, uint64_t number);

/* Closes it; those who have it keep what they have. */
Generation *generation_free(Generation *generation);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Generation, generation_free)

uint64_t generation_bytes(const Generation *generation);
uint64_t generation_number(const Generation *generation);

/* Of records that still fit. */
uint64_t generation_free_bytes(const Generation *generation);

/* Whether it will be full before long, of one that had @before free when it went live. */
bool generation_is_scarce(const Generation *generation, uint64_t before);

/* Borrows what it gets until generation_publish(). 0 or GENERATION_E_FULL. */
int generation_put(Generation *generation, const Entry *entry);
int generation_remove(Generation *generation, const char *key);

/* @revision: the last of the namespace that is in it then. 0 or GENERATION_E_FULL. */
int generation_publish(Generation *generation, uint64_t revision);

/* Says to those who read it that nothing will follow. @state is not LIVE. */
void generation_retire(Generation *generation, RegentViewState state);

/* Wakes readers that sleep, at most @n; how many. */
unsigned generation_wake(const Generation *generation, unsigned n);

/* A read-only descriptor to give away: >= 0 or a negative errno. */
int generation_open_reader(const Generation *generation);
bool generation_is_held(const Generation *generation);

/* For tests, which read it where it is. */
const void *generation_memory(const Generation *generation);
