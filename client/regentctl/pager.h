/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Pager
 *
 * The program that shows long output page by page: $SYSTEMD_PAGER, $PAGER, or less.
 */

#include <stdio.h>

typedef struct Pager Pager;

/* NULL when there is none, or there is to be none. */
Pager *pager_start(void);

/* What is written here is what it shows. Borrowed. */
FILE *pager_stream(const Pager *pager);

/* Waits until the person has seen enough, and frees. */
void pager_finish(Pager *pager);

/* Ends it. */
Pager *pager_free(Pager *pager);
