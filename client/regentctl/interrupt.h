/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Interrupt
 *
 * SIGINT and SIGTERM end regentctl with EXIT_INTERRUPTED within a second, whatever it does: what can
 * be left in order sees interrupt_came() or its descriptor; what cannot is ended from a thread.
 */

#include <glib.h>
#include <stdbool.h>

typedef struct Interrupt Interrupt;

/* Before any other thread is there: all of them are to have the signals blocked. */
Interrupt *interrupt_new(void);
Interrupt *interrupt_free(Interrupt *interrupt);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Interrupt, interrupt_free)

/* Whether a signal came. */
bool interrupt_came(const Interrupt *interrupt);

/* For poll(2): to be read once a signal came, and never again anything else. Borrowed. */
int interrupt_fd(const Interrupt *interrupt);

/* As if a signal had come. */
void interrupt_raise(Interrupt *interrupt);

/* In between, the signals are meant for a child on the terminal, an editor for one, and are passed over. */
void interrupt_hold(Interrupt *interrupt);
void interrupt_release(Interrupt *interrupt);
