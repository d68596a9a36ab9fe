/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Peer
 *
 * A system that keeps values by key, as a client in C meets it. Each is one file that defines `peer`
 * and is linked with peer-main.c into a program of its own; what it is compared in is the same for
 * all, and so is the work. Functions return 0 or a negative errno and say on stderr what the peer
 * itself had to say. What is NULL cannot be done with it: `bench-peers` says why.
 */

#include <stddef.h>
#include <stdint.h>

#define PEER_KEY_SIZE     48
#define PEER_PATIENCE_SEC 60

/* Where the peer is, and what it holds. */
typedef struct PeerPlace {
        const char *where;   /* a directory or an address, as the peer needs it */
        const char *variant; /* of the way to it; empty: there is one */
        uint32_t n_keys;
        size_t value_bytes;
        uint32_t client; /* which of several this is */
} PeerPlace;

typedef struct PeerValue {
        const void *bytes;
        size_t n_bytes;
} PeerValue;

typedef struct Peer {
        /* NULL: entry_text_key() will do. */
        void (*make_key)(char ret_key[PEER_KEY_SIZE], uint32_t index);

        int (*open)(void **ret_session, const PeerPlace *place);

        /* Stores all keys, as fast as may be. */
        int (*fill)(void *session);

        /* What it points to is good until the next call. The newest value there is, not a copy. */
        int (*read)(void *session, const char *key, PeerValue *ret_value);

        /* Durable, where the peer can be. @value ends with a NUL that does not count. */
        int (*write)(void *session, const char *key, const char *value, size_t n_bytes);

        /* The same, but does not wait; then waits until at most @n are under way. */
        int (*write_begin)(void *session, const char *key, const char *value, size_t n_bytes);
        int (*write_wait)(void *session, uint32_t n);

        /* From here on it is told of every change; and waits for the next, until it knows the value. */
        int (*watch)(void *session);
        int (*await)(void *session);
} Peer;

extern const Peer peer;

/* The key and the value of an entry as it is filled in; @ret_value has value_bytes + 1. */
void peer_make_key(char ret_key[PEER_KEY_SIZE], uint32_t index);
void peer_make_value(char *ret_value, size_t value_bytes, uint64_t high, uint64_t low);
