/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * polkit
 *
 * Asks org.freedesktop.PolicyKit1 and never waits for it. A question that was put is counted, in
 * all and for the asking uid, until polkit answers or leaves the bus: a polkit that is stopped
 * cannot use up the replies that the bus lets one connection wait for.
 */

#include "core/outgoing.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

typedef struct Polkit Polkit;
typedef struct PolkitCheck PolkitCheck;

typedef enum PolkitVerdict {
        POLKIT_DENIED,
        POLKIT_GRANTED,
        POLKIT_GRANTED_ONCE, /* by a password just typed: not to be kept */
        POLKIT_CHALLENGE,    /* somebody would have to type a password */
        POLKIT_UNREACHABLE,  /* there is no polkit, or it does not understand */
        POLKIT_SILENT,       /* no answer in time */
} PolkitVerdict;

typedef struct PolkitQuestion {
        const char *action;
        const char *subject; /* unique name */
        uint32_t uid;        /* whose account it is charged to */
        bool is_interactive; /* somebody may be asked for a password */
        const char *namespace_name;
        const char *verb;
        const char *owner; /* decimal, or "" */
        const char *group;
} PolkitQuestion;

typedef void (*PolkitAnswered)(void *userdata, PolkitVerdict verdict);

enum {
        POLKIT_E_TOO_MANY = 1, /* questions that wait already */
};

int polkit_new(Polkit **ret_polkit, sd_bus *bus, Outgoing *outgoing);
Polkit *polkit_free(Polkit *polkit);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Polkit, polkit_free)

/* @on_changed is called at polkit's "Changed". */
void polkit_set_on_changed(Polkit *polkit, void (*on_changed)(void *userdata), void *userdata);

/* Counts polkit's "Changed": what was answered under another number may no longer be so. */
uint64_t polkit_generation(const Polkit *polkit);
uint64_t polkit_n_waiting(const Polkit *polkit);
uint64_t polkit_n_asked(const Polkit *polkit);

/* @on_answered is called once, later. @ret_check is borrowed until then. */
int polkit_ask(Polkit *polkit,
               const PolkitQuestion *question,
               PolkitAnswered on_answered,
               void *userdata,
               PolkitCheck **ret_check);

/* Nobody wants to know any more: no callback, and a dialog that may be up is taken down. */
void polkit_abandon(PolkitCheck *check);
