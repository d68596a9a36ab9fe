/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Client
 *
 * One client of a load: its own connection (or file), and one blocking operation at a time.
 */

#include "load.h"

typedef struct Client Client;

/* Borrows @load. @index makes the client's keys and values its own. 0 or a negative errno. */
int client_new(Client **ret_client, const Load *load, uint32_t index);
Client *client_free(Client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_free)

/* 0 or a negative errno; what a service answered is said on stderr. */
int client_operate(Client *client);
