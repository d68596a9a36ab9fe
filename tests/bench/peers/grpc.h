/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Grpc
 *
 * A gRPC client over one connection in the clear, on nghttp2: one call at a time, or one stream that
 * goes on. Functions return 0 or a negative errno.
 */

#include <glib.h>

typedef struct Grpc Grpc;

/* @address: HOST:PORT, both numbers */
int grpc_open(Grpc **ret_grpc, const char *address);

/* Calls, and waits for the answer, which is borrowed until the next call. */
int grpc_call(Grpc *grpc,
              const char *path,
              const GByteArray *request,
              const GByteArray **ret_reply);

/* Begins a stream with @request; grpc_next() waits for its next message. */
int grpc_begin(Grpc *grpc, const char *path, const GByteArray *request);
int grpc_next(Grpc *grpc, const GByteArray **ret_message);
