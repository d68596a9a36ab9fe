/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Load
 *
 * What a number of like clients do over and over: one kind of operation, on one bus or one file.
 * Written as
 *
 *     ping  bus=ADDRESS [clients=N]
 *     get   bus=ADDRESS namespace=NAME [namespaces=N] keys=N [clients=N]
 *     set   as get
 *     apply as get, and changes=N
 *     write file=PATH [clients=N]
 *     floor bus=ADDRESS file=PATH [clients=N]
 *
 * On a bus each client may take a channel (channels=1), with more beside it that are idle (channels=N);
 * class=NAME is that of what set writes.
 * get and set take a key at random each time, apply a run of keys; what they write is never what was
 * there. write is 128 bytes and fdatasync, along a file that is already filled. floor is what a
 * durable set cannot do without: a ping, then a write.
 */

#include <glib.h>
#include <stdint.h>

typedef enum LoadKind {
        LOAD_PING,
        LOAD_GET,
        LOAD_SET,
        LOAD_APPLY,
        LOAD_WRITE,
        LOAD_FLOOR,
} LoadKind;

typedef struct Load {
        LoadKind kind;
        char *address;
        char *file;
        char *ns_name;
        uint32_t n_namespaces; /* more than one: each has ns_name and its number as name */
        uint32_t n_keys;       /* in each */
        uint32_t n_changes;    /* of one apply */
        uint32_t n_clients;
        uint32_t n_channels; /* of a client; 0: it calls over the bus */
        char *class_name;    /* NULL: the default */
} Load;

/* Says on stderr what is wrong with @words. 0 or -EINVAL. */
int load_new(Load **ret_load, char **words, size_t n_words);
Load *load_free(Load *load);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Load, load_free)

const char *load_kind_name(LoadKind kind);
