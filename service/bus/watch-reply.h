/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Watch reply
 *
 * The part of a reply to Watch that is about one namespace.
 */

#include "bus/answer.h"
#include "bus/watch-options.h"
#include "core/namespace.h"

/* Room for @n_bytes more: 0, or refused with the way out of it. */
int watch_reply_grow(Answer *answer, uint64_t n_bytes, sd_bus_error *reterr_bus);

/* What @ns takes at most in a reply. */
uint64_t watch_reply_bytes(const Namespace *ns, const WatchOptions *options);

/* An a{sv} of all that is read below @prefix. */
int watch_reply_append_all(Answer *answer,
                           const Namespace *ns,
                           const char *prefix,
                           sd_bus_error *reterr_bus);

/*
 * After history_check(): an a{sv} of what is read now and differs from @since; the keys that are not
 * read any more are added to @removed, borrowed.
 */
int watch_reply_append_since(Answer *answer,
                             Namespace *ns,
                             const char *prefix,
                             uint64_t since,
                             GPtrArray *removed,
                             sd_bus_error *reterr_bus);

/* An "as" of @keys, for which there is room already. */
int watch_reply_append_keys(Answer *answer, const GPtrArray *keys);

/* Begins or resumes a watch whose reply has been sent. */
void watch_reply_done(BusService *service,
                      Watch *resumed,
                      Caller *caller,
                      bool is_of_names,
                      const char *name,
                      const WatchOptions *options);

/* The number that it has, or will have. */
uint64_t watch_reply_number(const BusService *service, const Watch *resumed);
