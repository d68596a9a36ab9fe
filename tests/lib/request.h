/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Request
 *
 * What the function behind a command is given: the words behind its name, and where the reply goes.
 */

#include "commands.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* A call without waiting, from its beginning to its reply. */
typedef struct Pending {
        Commands *commands;
        char *name;
        RegentCall *call;
} Pending;

typedef struct Request {
        Regent *regent;
        Commands *commands;
        char **words;
        bool is_async;
        Pending *pending;
        GVariant *reply; /* what came, as a value */
} Request;

/* A table of them ends with one that has no name. */
typedef struct Command {
        const char *name;
        int (*function)(Request *request);
} Command;

extern const Command change_commands[];
extern const Command entry_commands[];
extern const Command service_commands[];

/* The @i-th word: as it is, borrowed; as a value, owned; or as a number. "-" and none are NULL, and 0. */
const char *request_word(const Request *request, unsigned i);
GVariant *request_value(const Request *request, unsigned i);
uint64_t request_number(const Request *request, unsigned i);

/* What the call came to. */
void request_put(Request *request, GVariant *reply);
void request_print(Regent *regent, const char *name, int result, GVariant *reply);

/* The last arguments of a call that does not wait. */
#define REQUEST_LATER(request) request_on_reply, (request)->pending, &(request)->pending->call
void request_on_reply(Regent *regent, int result, GVariant *reply, void *userdata);
