/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Revision reserve
 *
 * Keeps the manifest's reserve ahead of the revisions in use, so that no start ever gives one out a
 * second time. Extended in the background when half of it is used up.
 */

#include "store/side.h"
#include "store/worker.h"

#include <stdint.h>

typedef struct Reserve Reserve;

/* The manifest holds a larger reserve (0), or does not (negative errno), or perhaps (-EUCLEAN). */
typedef void (*ReserveOnExtended)(void *userdata, int r);

/* Borrows @side, whose manifest says what is reserved now, and @worker. */
Reserve *reserve_new(Side *side, Worker *worker, ReserveOnExtended on_extended, void *userdata);
Reserve *reserve_free(Reserve *reserve);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reserve, reserve_free)

/* Revisions below this may be used. */
uint64_t reserve_limit(const Reserve *reserve);

/* The side's manifest has been replaced with one that reserves more. */
void reserve_renewed(Reserve *reserve);

/* Extends it when @revision has come near. Not while somebody else changes the manifest. */
void reserve_keep_ahead(Reserve *reserve, uint64_t revision);
